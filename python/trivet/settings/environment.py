"""Read settings from the environment, which is an argument: nothing is read at import."""

from __future__ import annotations

from trivet.settings.complaints import invalid, unknown
from trivet.settings.sources import Given, Layer
from trivet.settings.table import SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.settings.table import Spec

PREFIX = "TRIVET_"

#: Names the configuration file; it is not a setting, for a file cannot say where it is.
CONFIG_VARIABLE = "TRIVET_CONFIG"

#: Every variable that gives a setting, with the setting's name and how strong it is.
VARIABLES: Mapping[str, tuple[str, int]] = {
    **{
        extra: (name, Layer.PLATFORM)
        for name, spec in SPECS.items()
        for extra in spec.extra_environment
    },
    **{spec.variable: (name, Layer.ENVIRONMENT) for name, spec in SPECS.items()},
}


def read(environ: Mapping[str, str]) -> tuple[list[tuple[str, Given]], list[str]]:
    """What the environment gives, by setting, and notes about variables that were passed over.

    Raises UnknownSetting for a TRIVET_ variable that is no setting's.
    """
    given: list[tuple[str, Given]] = []
    notes: list[str] = []
    # Reading every variable's name is cheaper than it looks: some dozens, compared by prefix.
    for variable in sorted(environ):
        if variable not in VARIABLES and not variable.startswith(PREFIX):
            continue
        if variable == CONFIG_VARIABLE:
            continue
        if _is_service_link(variable, environ[variable]):
            notes.append(
                f"{variable} is passed over: it describes a service named trivet "
                "(Kubernetes and Docker links set it), not a setting"
            )
            continue
        if variable not in VARIABLES:
            raise unknown(
                f"no setting has the variable {variable}", variable, [*VARIABLES, CONFIG_VARIABLE]
            )
        name, layer = VARIABLES[variable]
        text = environ[variable]
        spec = SPECS[name]
        # `VARIABLE=` is how compose files and shells spell "not set", but "no Server header" is
        # a thing to ask for.
        if text or spec.kind.empty_is_a_value:
            given.append((name, Given(_value(spec, variable, text), variable, layer)))
    return given, notes


def _value(spec: Spec, variable: str, text: str) -> object:
    try:
        return spec.kind.from_text(text)
    except ValueError as complaint:
        raise invalid(spec, variable, text, complaint) from None


def _is_service_link(variable: str, value: str) -> bool:
    """Whether the variable was made for a service called trivet, or trivet-something.

    Kubernetes puts {SVC}_SERVICE_HOST, {SVC}_SERVICE_PORT…, and Docker's link variables
    {SVC}_PORT=tcp://…, {SVC}_PORT_80_TCP… into every container of the namespace
    (kubernetes.io, "Service", "Environment variables"). Without this, calling a service "trivet"
    would keep Trivet from starting.
    """
    if not variable.startswith(PREFIX):
        return False
    if variable.endswith("_SERVICE_HOST") or "_SERVICE_PORT" in variable:
        return True
    if variable.endswith("_PORT") and value.startswith(("tcp://", "udp://", "sctp://")):
        return True
    _, port, rest = variable.partition("_PORT_")
    number, _, protocol = rest.partition("_")
    return bool(port) and number.isdigit() and protocol.split("_")[0] in ("TCP", "UDP", "SCTP")
