"""``POST /api/v1/models/{id}/file``: parameters, size, FLOPs and library of a model, from its file."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from ...bounded_program import reading_for
from ...errors import InputError
from ...model_files.facts import as_tree
from ...model_files.input_shapes import EXAMPLE, read_shapes
from ...model_files.keeping import keep
from ...model_files.reading import read_model
from ...store.people import Role
from ..auth.guard import Guard
from ..pages.desk import Desk
from ..pages.model import MOST_FILE_BYTES
from ..pages.page import files_of, texts_of
from . import shapes
from .answers import answer, model_json
from .errors import ApiError
from .multipart import read_form

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "input_shape": {
                            "type": "string",
                            "maxLength": 2000,
                            "description": f"shapes of inputs that the file leaves open, such as {EXAMPLE}",
                        },
                    },
                }
            }
        },
    }
}


def router(desk: Desk, guard: Guard) -> APIRouter:
    """One call."""
    routes = APIRouter(prefix="/api/v1", tags=["models"])

    @routes.post(
        "/models/{model_id}/file", openapi_extra=_BODY,
        responses=shapes.ok(shapes.ModelFileOut, 400, 401, 403, 404, 411, 413, 415, 422, 429, 503),
    )  # fmt: skip
    async def add(model_id: Annotated[int, Path(ge=1, le=2**31 - 1)], request: Request) -> Response:
        """Give a model what its file says: safetensors, GGUF, ONNX, PyTorch, Keras or a SavedModel as a zip.

        Of other formats the size alone. Nothing in a file is executed. Of a safetensors file the first megabytes are
        enough. FLOPs are those of ONNX and Keras models; ``input_shape`` gives what their file leaves open.
        """
        requester = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        model = await to_thread.run_sync(desk.store.model, model_id)
        form = await read_form(request, ("file", "input_shape"), 1, MOST_FILE_BYTES)
        files = files_of(form, "file")
        if not files:
            raise ApiError(422, "invalid", "choose a file", "file")
        try:
            shapes = read_shapes(texts_of(form).get("input_shape", ""))
        except InputError as error:
            raise ApiError(422, "invalid", str(error), "input_shape") from None
        one = files[0]
        with reading_for(requester.name):
            facts = await to_thread.run_sync(
                read_model, one.file, one.filename or "file", one.size or 0, shapes
            )
        kept = await to_thread.run_sync(keep, desk.store, model.facts, facts, desk.clock(), requester.name)
        return answer({"model": model_json(kept), "file": as_tree(facts)})

    return routes
