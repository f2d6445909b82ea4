/* A grammar as `grammar.py` says it, matched at the speed of memory.

   A program is a sequence of pieces: a byte that says what it is, the size of what follows (of the machine's order), and
   that. Nothing goes back. Programs are believed to be made by `grammar.py`, but one that is not stays inside its bytes. */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TEXT = 1, SPAN, MANY, FIRST, UNLESS, AHEAD, GROUP }; /* as in `grammar.py` */
enum { OP = 5, TIMES = 8, SETS = 256 * 8, MOST_SETS = 64, MOST_GROUPS = 16, DEEPEST = 64 };

typedef struct { const uint8_t *at, *stop; } Bytes;
typedef struct {
    const char *sets;    /* by byte: those that it is in, a bit for each */
    const uint8_t *stop; /* of the text */
    Bytes groups[MOST_GROUPS];
} Match;

static uint32_t word(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t sets_of(const Match *match, uint8_t byte) {
    uint64_t sets;
    memcpy(&sets, match->sets + sizeof sets * byte, sizeof sets);
    return sets;
}

static const uint8_t *taken(Bytes program, const uint8_t *at, Match *match, int depth);

static const uint8_t *span(Bytes piece, const uint8_t *at, const Match *match) {
    if (piece.stop - piece.at != TIMES + 1 || piece.at[TIMES] >= MOST_SETS)
        return NULL;
    const uint32_t least = word(piece.at), most = word(piece.at + 4);
    const uint64_t set = (uint64_t)1 << piece.at[TIMES];
    const uint8_t *start = at, *stop = (size_t)(match->stop - at) > most ? at + most : match->stop;
    while (at < stop && sets_of(match, *at) & set)
        at++;
    return (size_t)(at - start) < least ? NULL : at;
}

static const uint8_t *many(Bytes piece, const uint8_t *at, Match *match, int depth) {
    if (piece.stop - piece.at < TIMES)
        return NULL;
    const uint32_t least = word(piece.at), most = word(piece.at + 4);
    const Bytes body = {piece.at + TIMES, piece.stop};
    uint32_t times = 0;
    for (const uint8_t *next; times < most && (next = taken(body, at, match, depth)); times++, at = next)
        if (next == at)
            return at;
    return times < least ? NULL : at;
}

static const uint8_t *first(Bytes pieces, const uint8_t *at, Match *match, int depth) {
    while (pieces.stop - pieces.at >= OP && word(pieces.at + 1) <= pieces.stop - pieces.at - OP) {
        const Bytes piece = {pieces.at + OP, pieces.at + OP + word(pieces.at + 1)};
        const uint8_t *next = taken(piece, at, match, depth);
        if (next)
            return next;
        pieces.at = piece.stop;
    }
    return NULL;
}

static const uint8_t *group(Bytes piece, const uint8_t *at, Match *match, int depth) {
    const int number = piece.at < piece.stop ? *piece.at : MOST_GROUPS;
    const Bytes body = {piece.at + 1, piece.stop};
    const uint8_t *next = number < MOST_GROUPS ? taken(body, at, match, depth) : NULL;
    if (next)
        match->groups[number] = (Bytes){at, next};
    return next;
}

/* Where the text goes on behind what `program` takes at `at`; NULL where it does not fit. */
static const uint8_t *taken(Bytes program, const uint8_t *at, Match *match, int depth) {
    while (at && program.at < program.stop) {
        if (program.stop - program.at < OP || word(program.at + 1) > program.stop - program.at - OP || depth == DEEPEST)
            return NULL;
        const int kind = *program.at;
        const Bytes piece = {program.at + OP, program.at + OP + word(program.at + 1)};
        const ptrdiff_t size = piece.stop - piece.at;
        if (kind == TEXT)
            at = match->stop - at >= size && !memcmp(at, piece.at, size) ? at + size : NULL;
        else if (kind == SPAN)
            at = span(piece, at, match);
        else if (kind == MANY)
            at = many(piece, at, match, depth + 1);
        else if (kind == FIRST)
            at = first(piece, at, match, depth + 1);
        else if (kind == UNLESS || kind == AHEAD)
            at = !taken(piece, at, match, depth + 1) == (kind == UNLESS) ? at : NULL;
        else
            at = kind == GROUP ? group(piece, at, match, depth + 1) : NULL;
        program.at = piece.stop;
    }
    return at;
}

static PyObject *fields(const Match *match, PyObject *absent) {
    const Py_ssize_t count = PyTuple_Size(absent);
    PyObject *found = PyTuple_New(count);
    for (Py_ssize_t n = 0; found && n < count; n++) {
        const Bytes group = match->groups[n];
        PyObject *field = group.at ? PyBytes_FromStringAndSize((const char *)group.at, group.stop - group.at)
                                   : Py_NewRef(PyTuple_GetItem(absent, n));
        if (!field || PyTuple_SetItem(found, n, field) < 0)
            Py_CLEAR(found);
    }
    return found;
}

/* match(number, sets, program, absent, text) -> (number, length, groups) or None; `absent` has what each group is that took
   part in nothing. */
static PyObject *match(PyObject *module, PyObject *arguments) {
    (void)module;
    const char *sets, *program;
    Py_ssize_t sets_size, size, length;
    const char *text;
    PyObject *number, *absent;
    if (!PyArg_ParseTuple(arguments, "Oy#y#O!y#", &number, &sets, &sets_size, &program, &size, &PyTuple_Type, &absent, &text,
                          &length))
        return NULL;
    if (PyTuple_Size(absent) > MOST_GROUPS || sets_size != SETS) {
        PyErr_SetString(PyExc_ValueError, "too many groups, or no sets");
        return NULL;
    }
    const uint8_t *start = (const uint8_t *)text, *code = (const uint8_t *)program;
    Match found = {sets, start + length, {{NULL, NULL}}};
    const uint8_t *end = taken((Bytes){code, code + size}, start, &found, 0);
    if (!end)
        return Py_NewRef(Py_None);
    PyObject *groups = fields(&found, absent);
    return groups ? Py_BuildValue("OnN", number, (Py_ssize_t)(end - start), groups) : NULL;
}

static PyMethodDef methods[] = {{"match", match, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_grammar", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__grammar(void) { return PyModule_Create(&definition); }
