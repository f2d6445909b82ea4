"""Folds and what they come to as bytes, which machines hand to one another.

Of a part that is merged only its rows, names and heads are left; its tables are those of the whole. Bytes are opened by
the same Python and the same pjsipdiag only: `cluster` sees to that.
"""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

from pjsipdiag.diagnosis.calls.fold_content import FoldContent, MergedFolds

_OF_PARTS = ("parts", "keys", "senders", "called")
_TABLES = tuple(one.name for one in fields(MergedFolds) if one.name not in _OF_PARTS)


def pack_fold(fold: FoldContent) -> bytes:
    """A fold as bytes."""
    return pickle.dumps(fold, pickle.HIGHEST_PROTOCOL)


def unpack_fold(data: bytes) -> FoldContent:
    """The fold that `pack_fold` made bytes of."""
    fold: FoldContent = pickle.loads(data)
    return fold


def pack(merged: MergedFolds) -> bytes:
    """Packs merged folds into bytes."""
    parts = [replace(part, fold=_rows_of(part.fold)) for part in merged.parts]
    return pickle.dumps((parts, [getattr(merged, name) for name in _TABLES]), pickle.HIGHEST_PROTOCOL)


def unpack(data: bytes) -> MergedFolds:
    """Unpacks what `pack` made."""
    parts, tables = pickle.loads(data)
    return MergedFolds(
        parts=parts,
        keys=[part.fold.keys for part in parts],
        senders=[[*part.fold.senders] for part in parts],
        called=[[*part.fold.called] for part in parts],
        **dict(zip(_TABLES, tables, strict=True)),
    )


def _rows_of(fold: FoldContent) -> FoldContent:
    return FoldContent(
        spool=fold.spool,
        rows=fold.rows,
        forms=fold.forms,
        senders=fold.senders,
        called=fold.called,
        user_agents=fold.user_agents,
        index=fold.index,
    )
