"""The routes of the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from emopipe.core.errors import DataError, TooManyPixels
from emopipe.inference.http.batching import Batcher
from emopipe.inference.http.engine import Answer, Engine, Upload
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.metrics import Metrics, MetricsMiddleware
from emopipe.inference.http.page import PAGE_HEADERS, page
from emopipe.inference.http.schemas import PREDICT_BODY, Health, Prediction, Problem, prediction
from emopipe.inference.http.uploads import CLOSE, CONTENT_TYPES, receive

ABOUT = (
    "Faces in pictures, and what they show. The probabilities are about what observers would say of the picture, not "
    "about what a person feels. Pictures are neither kept nor logged."
)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": about}
    for status, about in {
        400: "not a picture, or no body",
        408: "sent too slowly",
        413: "too many bytes, or too many pixels",
        415: "of another type",
        422: "an unknown value of a parameter",
        503: "busy: come back after the seconds in Retry-After",
    }.items()
}
NO_FILE: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no file of the model"}}
BUSY_SECONDS = "1"


class Service:
    """What the routes share."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        """Nothing runs until the application starts."""
        self.engine, self.limits, self.metrics, self.in_work = engine, limits, Metrics(), 0
        self.metrics.in_work.set_function(lambda: self.in_work)
        self.batcher: Batcher[Upload, Answer | DataError] = Batcher(
            engine.work, max_batch=limits.max_batch, observe=self.metrics.batches.observe
        )

    async def answer(self, request: Request, *, is_face: bool) -> Answer:
        """Receive a picture and work on it; raises `HTTPException`. At most `max_requests` at once get that far."""
        if self.in_work >= self.limits.max_requests:
            raise _busy(f"{self.limits.max_requests} requests are in work")
        self.in_work += 1
        try:
            upload = Upload(content=await receive(request, self.limits), is_face=is_face)
            async with asyncio.timeout(self.limits.seconds_to_answer):
                found = await self.batcher.submit(upload)
        except TimeoutError:
            raise _busy(f"there was no answer within {self.limits.seconds_to_answer:g} seconds") from None
        finally:
            self.in_work -= 1
        if isinstance(found, DataError):
            raise HTTPException(413 if isinstance(found, TooManyPixels) else 400, str(found))
        self.metrics.faces.inc(len(found.faces))
        return found


def make_app(engine: Engine, limits: Limits, *, hosts: list[str]) -> FastAPI:
    """The application. `hosts`: names under which clients may address it; others get 400, `*` takes all."""
    service = Service(engine, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        working = asyncio.create_task(service.batcher.run())
        yield
        working.cancel()

    app = FastAPI(title="emopipe", description=ABOUT, docs_url=None, redoc_url=None, lifespan=lifespan)
    _add_routes(app, service)
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(MetricsMiddleware, metrics=service.metrics)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post("/predict", responses=PROBLEMS, openapi_extra=PREDICT_BODY, summary="Find faces, and say what they show")
    async def predict(
        request: Request,
        crops: Annotated[bool, Query(description="The picture is one face already: no detector runs.")] = False,
    ) -> Prediction:
        return prediction(await service.answer(request, is_face=crops), service.engine.recogniser)

    @app.get("/health", summary="Is the service up, and what does it answer with")
    async def health() -> Health:
        return Health(status="ok", classes=list(service.engine.recogniser.classes), in_work=service.in_work)

    @app.get("/metrics", summary="Counts and times, for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @app.get("/model/{name}", responses=NO_FILE, summary="The exported model that answers, file by file")
    async def model(name: str) -> Response:
        if name not in service.engine.recogniser.model_files:
            raise HTTPException(404, f"expected {' or '.join(service.engine.recogniser.model_files)}")
        return Response(service.engine.recogniser.model_files[name], media_type="application/octet-stream")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi(), CONTENT_TYPES), headers=PAGE_HEADERS)


def _busy(reason: str) -> HTTPException:
    return HTTPException(503, f"{reason}: come back later", {"Retry-After": BUSY_SECONDS, **CLOSE})


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    """The first mistake in one line; what was sent is not echoed."""
    assert isinstance(error, RequestValidationError)
    mistake = error.errors()[0]
    return JSONResponse({"detail": f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"}, 422, CLOSE)
