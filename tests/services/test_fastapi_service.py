"""What only the FastAPI variant promises: a manifest that says what runs, no drift of migrations, cheap routes, faults
as problems. The contract itself is tested by its checker."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import fastapi_service
import httpx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi_service import models
from fastapi_service.app import create_app
from shop.settings import Settings
from sqlalchemy import create_mock_engine
from sqlalchemy.schema import CreateIndex, CreateTable

FOLDER = Path(fastapi_service.__file__).parent


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in the variant's folder, with no configuration but `environ`."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, *argv], cwd=FOLDER, env={**inherited, **environ}, capture_output=True, text=True, timeout=60
    )
