"""Signs that a process runs in production, where console and `trivet dev` are refused; a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ProductionSign(NamedTuple):
    """A variable that a platform sets in what it runs, and what the platform is called.

    `values`: the sign holds only for these (in lower case); empty for any value.
    """

    variable: str
    platform: str
    values: tuple[str, ...] = ()


_PRODUCTION = ("production", "prod", "staging")

PRODUCTION_SIGNS: tuple[ProductionSign, ...] = (
    ProductionSign("DYNO", "Heroku"),
    ProductionSign("K_SERVICE", "Google Cloud Run"),
    ProductionSign("CLOUD_RUN_JOB", "Google Cloud Run"),
    ProductionSign("GAE_ENV", "Google App Engine"),
    ProductionSign("GAE_INSTANCE", "Google App Engine"),
    ProductionSign("FLY_APP_NAME", "Fly.io"),
    ProductionSign("KUBERNETES_SERVICE_HOST", "Kubernetes"),
    ProductionSign("ECS_CONTAINER_METADATA_URI_V4", "Amazon ECS"),
    ProductionSign("ECS_CONTAINER_METADATA_URI", "Amazon ECS"),
    ProductionSign("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
    ProductionSign("AWS_EXECUTION_ENV", "AWS"),
    ProductionSign("AWS_APP_RUNNER_SERVICE_ID", "AWS App Runner"),
    ProductionSign("EB_IS_COMMAND_LEADER", "Elastic Beanstalk"),
    ProductionSign("WEBSITE_INSTANCE_ID", "Azure App Service"),
    ProductionSign("CONTAINER_APP_NAME", "Azure Container Apps"),
    ProductionSign("RAILWAY_ENVIRONMENT_ID", "Railway"),
    ProductionSign("RENDER", "Render"),
    ProductionSign("PYTHONANYWHERE_DOMAIN", "PythonAnywhere"),
    ProductionSign("VERCEL", "Vercel", ("1",)),
    ProductionSign("KOYEB_APP_NAME", "Koyeb"),
    ProductionSign("DIGITALOCEAN_APP_ID", "DigitalOcean App Platform"),
    ProductionSign("VCAP_APPLICATION", "Cloud Foundry"),
    ProductionSign("FLASK_ENV", "FLASK_ENV", _PRODUCTION),
    ProductionSign("DJANGO_ENV", "DJANGO_ENV", _PRODUCTION),
    ProductionSign("APP_ENV", "APP_ENV", _PRODUCTION),
    ProductionSign("PYTHON_ENV", "PYTHON_ENV", _PRODUCTION),
    ProductionSign("ENVIRONMENT", "ENVIRONMENT", _PRODUCTION),
)


def production_sign(environ: Mapping[str, str]) -> ProductionSign | None:
    """Return the first sign of production in an environment, or None."""
    for sign in PRODUCTION_SIGNS:
        value = environ.get(sign.variable, "")
        if value and (not sign.values or value.strip().lower() in sign.values):
            return sign
    return None
