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
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.metrics import Metrics, MetricsMiddleware
from emopipe.inference.http.page import PAGE_HEADERS, page
from emopipe.inference.http.predictor import Predictor, Upload
from emopipe.inference.http.schemas import PREDICT_BODY, Health, Prediction, Problem
from emopipe.inference.http.uploads import CLOSE, receive
from emopipe.inference.recogniser import Recogniser

ABOUT = (
    "Detects faces in images and classifies their expressions. The probabilities estimate how observers would label "
    "the image, not what a person feels. Images are neither stored nor logged."
)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": about}
    for status, about in {
        400: "not an image, or no body",
        408: "sent too slowly",
        413: "too many bytes or pixels",
        415: "unsupported content type",
        422: "invalid value of a parameter",
        503: "busy: retry after the seconds in Retry-After",
    }.items()
}
NO_FILE: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "not a file of the model"}}


class Service:
    """The state that the routes share."""

    def __init__(self, recogniser: Recogniser, limits: Limits) -> None:
        self.limits, self.metrics, self.in_work = limits, Metrics(), 0
        self.metrics.in_work.set_function(lambda: self.in_work)
        self.batcher: Batcher[Upload, Prediction] = Batcher(
            Predictor(recogniser, limits).predict, max_batch=limits.max_batch, observe=self.metrics.batches.observe
        )

    async def predict(self, request: Request, *, is_face: bool) -> Prediction:
        """Receive and process an image; raises `HTTPException`, also if `max_requests` are in progress."""
        if self.in_work >= self.limits.max_requests:
            raise _busy(f"{self.limits.max_requests} requests are in progress")
        self.in_work += 1
        try:
            upload = Upload(content=await receive(request, self.limits), is_face=is_face)
            async with asyncio.timeout(self.limits.response_timeout):
                prediction = await self.batcher.submit(upload)
        except TimeoutError:
            raise _busy(f"no response within {self.limits.response_timeout:g} seconds") from None
        except DataError as error:
            raise HTTPException(413 if isinstance(error, TooManyPixels) else 400, str(error)) from None
        finally:
            self.in_work -= 1
        self.metrics.faces.inc(len(prediction.faces))
        return prediction


def make_app(recogniser: Recogniser, limits: Limits, *, hosts: list[str]) -> FastAPI:
    """The application. `hosts`: accepted values of the Host header, `*` for all; others get 400."""
    service = Service(recogniser, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        batching = asyncio.create_task(service.batcher.run())
        yield
        batching.cancel()

    app = FastAPI(title="emopipe", description=ABOUT, docs_url=None, redoc_url=None, lifespan=lifespan)
    _add_routes(app, service, recogniser)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(MetricsMiddleware, metrics=service.metrics)
    return app


def _add_routes(app: FastAPI, service: Service, recogniser: Recogniser) -> None:
    @app.post("/predict", responses=PROBLEMS, openapi_extra=PREDICT_BODY, summary="Detect and classify faces")
    async def predict(
        request: Request,
        crops: Annotated[bool, Query(description="The image is one face: the detector does not run.")] = False,
    ) -> Prediction:
        return await service.predict(request, is_face=crops)

    @app.get("/health", summary="State of the service, and the classes of its model")
    async def health() -> Health:
        return Health(status="ok", classes=list(recogniser.classes), in_work=service.in_work)

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @app.get("/model/{name}", responses=NO_FILE, summary="A file of the exported model")
    async def model(name: str) -> Response:
        if name not in recogniser.model_files:
            raise HTTPException(404, f"expected {' or '.join(recogniser.model_files)}")
        return Response(recogniser.model_files[name], media_type="application/octet-stream")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()), headers=PAGE_HEADERS)


def _busy(reason: str) -> HTTPException:
    return HTTPException(503, f"{reason}: retry later", {"Retry-After": "1", **CLOSE})


async def _invalid(_: Request, error: Exception) -> Response:
    """The first problem, in one line, without the input."""
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    return JSONResponse({"detail": f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"}, 422, CLOSE)
