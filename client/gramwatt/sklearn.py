# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,unused-ignore"
# The framework is optional: it may be absent, untyped or typed where this is checked.
"""scikit-learn: ``Measured(estimator, "digits")`` fits and predicts as the estimator does, each call in a window.

A meta-estimator: it works in pipelines, ``cross_val_score`` and ``GridSearchCV`` (``estimator__...`` parameters).
"""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if

from .recording import Window


def _has(method: str) -> Any:
    return available_if(lambda self: hasattr(self.estimator, method))


class Measured(MetaEstimatorMixin, BaseEstimator):
    """``estimator`` measured. ``result_`` is the fit's result, ``inference_result_`` the last other call's."""

    def __init__(
        self, estimator: Any, name: str = "", model: str = "", task: str = "", dataset: str = ""
    ) -> None:
        self.estimator = estimator
        self.name = name
        self.model = model
        self.task = task
        self.dataset = dataset

    def fit(self, X: Any, y: Any = None, **parameters: Any) -> Measured:  # noqa: N803  scikit-learn's own name
        """Fit a clone of the estimator, as a training window with the number of samples."""
        self.estimator_ = clone(self.estimator)
        with self._window("training") as window:
            self.estimator_.fit(X, y, **parameters)
            window.record(samples=_length(X))
        self.result_ = window.result
        for attribute in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, attribute):
                setattr(self, attribute, getattr(self.estimator_, attribute))
        return self

    @_has("predict")
    def predict(self, X: Any) -> Any:  # noqa: N803
        """As the estimator's, in an inference window."""
        return self._infer("predict", X)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """As the estimator's, in an inference window."""
        return self._infer("predict_proba", X)

    @_has("decision_function")
    def decision_function(self, X: Any) -> Any:  # noqa: N803
        """As the estimator's, in an inference window."""
        return self._infer("decision_function", X)

    @_has("transform")
    def transform(self, X: Any) -> Any:  # noqa: N803
        """As the estimator's, in an inference window."""
        return self._infer("transform", X)

    @_has("score")
    def score(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """As the estimator's, in an inference window."""
        return self._infer("score", X, y)

    def __sklearn_tags__(self) -> Any:
        """What kind of estimator this is: the wrapped one's."""
        return self.estimator.__sklearn_tags__()

    def _infer(self, method: str, X: Any, *more: Any) -> Any:  # noqa: N803
        with self._window("inference") as window:
            answer = getattr(self.estimator_, method)(X, *more)
            window.record(samples=_length(X))
        self.inference_result_ = window.result
        return answer

    def _window(self, phase: str) -> Window:
        kind = type(self.estimator).__name__
        return Window(
            self.name or kind, phase, model=self.model or kind, task=self.task, dataset=self.dataset
        )


def _length(data: Any) -> int:
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape else len(data)
