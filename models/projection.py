"""Projects a modality's vectors once, so that training never touches the raw ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Features

__all__ = ["project"]


def project(
    values: npt.NDArray[np.float32],
    present: npt.NDArray[np.bool_],
    fit_rows: npt.NDArray[np.bool_],
    *,
    dimensions: int,
    seed: int = 0,
) -> Features:
    """Centred principal components of one modality, the whole block rescaled to a root mean square of 1 per entry.

    Parameters
    ----------
    values : float32 (n_items, d); rows of absent items are ignored, whatever they hold
    present, fit_rows : bool (n_items,); mean, components and scale are fitted on ``present & fit_rows`` only (train items)
    dimensions : at most this many components are kept

    Notes
    -----
    Relative variances of the components are kept (no whitening): they are the encoder's own idea of what matters. Source:
    randomised range finder, Halko, Martinsson, Tropp 2011, through scikit-learn.
    """
    from sklearn.decomposition import PCA

    rows = present & fit_rows if (present & fit_rows).sum() > 1 else present
    largest = np.abs(values[rows]).max(initial=0.0)
    values = values / np.float32(largest) if largest > 0 else values  # so that squares neither overflow nor vanish
    fitted = values[rows].astype(np.float32)
    out = np.zeros((len(values), 1), dtype=np.float32)
    if len(fitted) > 1 and np.ptp(fitted, axis=0).max() > 0:
        scale = np.float32(np.sqrt(np.mean((fitted - fitted.mean(axis=0)) ** 2, dtype=np.float64)))
        pca = PCA(min(dimensions, *fitted.shape), svd_solver="auto", random_state=seed).fit(fitted / scale)
        out = np.zeros((len(values), pca.n_components_), dtype=np.float32)
        out[present] = pca.transform(values[present].astype(np.float32) / scale)
        out[present] /= np.sqrt(np.mean(out[rows] ** 2, dtype=np.float64))
    return Features(np.ascontiguousarray(out, dtype=np.float32), present.copy())
