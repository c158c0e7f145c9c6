"""The admin and a few pages."""

from django.contrib import admin
from django.urls import path
from products import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("upload/", views.upload),
    path("file/", views.file),
    path("pieces/", views.pieces),
    path("café/<str:name>/", views.greet),
    path("broken/", views.broken),
]
