"""Django's settings in the role `admin`, and of management commands: the shop's, and what the admin needs beside."""

from __future__ import annotations

import hashlib
import hmac
import os

from django_service import settings as shop
from django_service.settings import *  # noqa: F403

INSTALLED_APPS = [
    *shop.INSTALLED_APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "django_service.backoffice.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # nothing is collected
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Whoever learns this one can't sign tokens of the shop with it. Management commands sign nothing.
SECRET_KEY = hmac.new(shop.SHOP_TOKEN_KEY, b"admin", hashlib.sha256).hexdigest() if shop.SHOP_TOKEN_KEY else ""
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", os.environ.get("LAB_HOST") or "localhost"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Cookies know hosts, not ports: names of their own, among whatever else runs on localhost. It is served as plain HTTP,
# over which a browser would not send Secure cookies back.
SESSION_COOKIE_NAME = "shop_admin_session"
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "shop_admin_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True

FORMAT_MODULE_PATH = "django_service.backoffice.formats"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
