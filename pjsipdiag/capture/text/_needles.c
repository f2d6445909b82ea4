/* Needles in a text, at the speed of memory; `needles.py` does the same. */

#include "../fast/limited_api.h"

#include <stdint.h>
#include <string.h>

enum { MOST_NEEDLES = 32, LONGEST = 255 };

static int pair(const char *at) { return (uint8_t)at[0] | (uint8_t)at[1] << 8; }

/* Of each pair of bytes it is known how far behind it the first `least` bytes of a needle can end at the earliest (Wu and
   Manber, 1994): most pairs are in no needle, so most of a text is not even looked at. */
static PyObject *places(PyObject *Py_UNUSED(self), PyObject *args) {
    static uint8_t far[1 << 16];
    const char *text;
    char *needles[MOST_NEEDLES];
    Py_ssize_t all, start, end, sizes[MOST_NEEDLES], least = LONGEST;
    PyObject *given, *place;
    if (!PyArg_ParseTuple(args, "y#O!nn", &text, &all, &PyTuple_Type, &given, &start, &end))
        return NULL;
    Py_ssize_t count = PyTuple_Size(given);
    for (Py_ssize_t n = 0; n < count && count <= MOST_NEEDLES; n++) {
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(given, n), &needles[n], &sizes[n]) < 0)
            return NULL;
        least = Py_MIN(least, sizes[n]);
    }
    if (count > MOST_NEEDLES || least < 2 || start < 0 || end > all)
        return PyErr_Format(PyExc_ValueError, "too many needles, a short one, or a place beyond the text");
    memset(far, (int)least - 1, sizeof far);
    for (Py_ssize_t n = 0; n < count; n++)
        for (Py_ssize_t on = 0; on < least - 1; on++)
            far[pair(needles[n] + on)] = (uint8_t)Py_MIN(far[pair(needles[n] + on)], least - 2 - on);
    PyObject *found = PyList_New(0);
    for (const char *last = text + start + least - 2, *stop = text + end; found && stop - last > 1;) {
        int skipped = far[pair(last)];
        last += skipped ? skipped : 1;
        if (skipped)
            continue;
        const char *at = last - (least - 1);
        for (Py_ssize_t n = 0; n < count; n++)
            if (*at == *needles[n] && stop - at >= sizes[n] && !memcmp(at, needles[n], sizes[n])) {
                if (!(place = PyLong_FromSsize_t(at - text)) || PyList_Append(found, place) < 0)
                    Py_CLEAR(found);
                Py_XDECREF(place);
                break;
            }
    }
    return found;
}

static PyObject *count(PyObject *Py_UNUSED(self), PyObject *args) {
    const char *text, *needle, *at;
    Py_ssize_t all, size, start, end, found = 0;
    if (!PyArg_ParseTuple(args, "y#y#nn", &text, &all, &needle, &size, &start, &end))
        return NULL;
    if (!size || start < 0 || end > all)
        return PyErr_Format(PyExc_ValueError, "no needle, or a place beyond the text");
    for (; end - start >= size && (at = memchr(text + start, *needle, end - start - size + 1)); start = at - text + 1)
        if (!memcmp(at, needle, size)) {
            found++;
            at += size - 1;
        }
    return PyLong_FromSsize_t(found);
}

static PyMethodDef methods[] = {{"places", places, METH_VARARGS, NULL}, {"count", count, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_needles", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__needles(void) { return PyModule_Create(&definition); }
