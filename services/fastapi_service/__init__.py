"""The shop in FastAPI: Pydantic models, async SQLAlchemy on asyncpg, served by uvicorn."""
