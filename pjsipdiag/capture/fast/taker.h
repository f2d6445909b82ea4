/* A SIP message as it lies in memory, and what takes it: the seam between `_records.c`, which finds it, and `_fold.c`. */

typedef struct { const char *at, *stop; } Text;

/* All that it holds is borrowed. */
typedef struct {
    long long time, frame;
    Text ip[2];                      /* packed, of the source and of the destination */
    const char *port[2];             /* two bytes each */
    Text payload;
    PyObject *transport, *direction; /* as in a Datagram */
    int truncated, connected;
    PyObject *datagram;              /* the message itself, NULL where there is none yet */
} Message;
enum { SOURCE, DESTINATION };

/* One end of a message, packed with its port. */
static PyObject *end_of(const Message *message, int which) {
    char end[18];
    const size_t size = message->ip[which].stop - message->ip[which].at;
    memcpy(end, message->ip[which].at, size);
    memcpy(end + size, message->port[which], 2);
    return PyBytes_FromStringAndSize(end, size + 2);
}

/* A message as Python has it: one of these named tuples, made without their own slow way. */
static PyObject *datagram_of(const Message *message, PyObject *datagram, PyObject *connected) {
    const newfunc make = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *fields = message->datagram ? NULL : Py_BuildValue(
        "((LLONNy#OO))", message->time, message->frame, message->transport, end_of(message, SOURCE), end_of(message, DESTINATION),
        message->payload.at, message->payload.stop - message->payload.at, message->direction, message->truncated ? Py_True : Py_False);
    PyObject *made = fields ? make((PyTypeObject *)(message->connected ? connected : datagram), fields, NULL) : Py_XNewRef(message->datagram);
    Py_XDECREF(fields);
    return made;
}

typedef struct Taker Taker;
struct Taker { int (*take)(Taker *, const Message *); }; /* 1; -1 for an error */
static const char TAKER[] = "pjsipdiag.taker"; /* the name of its capsule */
