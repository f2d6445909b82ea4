/* The records of a capture that need no closer look, at the speed of memory.

   Law: what is passed over or told here, `sieve.py` passes over or tells as well, record by record; this stops at each
   record of which that is not certain. What bytes mean is said by the tables of `compiled.py`.
   Of a record that begins at or before `last`, MARGIN bytes can be read; what lies further on is compared with `end`. */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MARGIN = 160, LONGEST = 262144, LONGEST_BLOCK = LONGEST + 65536, MOST_CHECKS = 32, MOST_PLANS = 16 };
enum { LONGEST_METHOD = 32, LEAST_TEXT = 16, MOST_DIGITS = 5, UDP = 17, TCP = 6 };
enum { FIN_SYN_RST = 7, SYN_RST_PSH = 14, ALERT = 0x15 };
enum { MEDIA, DULL, LETTER }; /* what the first byte of a UDP payload says; all else has to be looked at */

/* Offsets are from the start of a record. */
typedef struct {
    int32_t blocks;                     /* whether records are enhanced packet blocks */
    int32_t big;                        /* whether the file is big-endian */
    int32_t unit;                       /* nanoseconds in a unit of the fraction, or in a tick */
    int32_t header;                     /* bytes before each packet */
    int32_t protocol, length, over;     /* of IP; `over` is what its length counts beside UDP or TCP */
    int32_t addresses, size, ports;     /* where the source address is, and its size; where UDP or TCP begins */
    int32_t direction;                  /* 0 where the link says none */
    int32_t checks;
    struct { uint16_t at; uint8_t mask, value; } check[MOST_CHECKS];
} Plan;

typedef struct {
    const uint8_t *first;   /* by the first byte of a UDP payload: MEDIA and so on */
    const uint8_t *quiet;   /* by the first byte of a TCP segment: whether it cannot begin SIP or what carries it */
    const uint8_t *token;   /* by byte: whether it may stand in a method */
    const uint8_t *tunnels; /* by port */
    PyObject *usual;        /* a tuple of what most messages begin with */
    PyObject *directions;   /* a tuple of 256 texts */
    PyObject *udp, *tcp;    /* the names of transports */
    PyTypeObject *datagram, *connected;
    PyTypeObject *stream;   /* MessageStream */
} Tables;

/* What FlowTable, Flow, Direction and MessageStream call what is looked at here. */
enum { PORTS, FLOWS, WAITING, MOST_WAITING, SEQUENCE, NEXT, AHEAD, STREAM, SHOWN, DIRECTION, ENDS, TIME, FRAME, ACKNOWLEDGES,
       LOST, IS_SIP, NEED, SCANNED, BUFFER, NAMES };
static const char *const NAMED[NAMES] = {"ports", "flows", "waiting", "most_waiting", "sequence", "next", "_ahead", "stream",
                                         "shown", "direction", "ends", "time", "frame", "acknowledges",
                                         "_lost", "_is_sip", "_need", "_scanned", "_buffer"};
static PyObject *names[NAMES];

/* The flows that are followed (FlowTable), and how many more bytes may wait in them. */
typedef struct { PyObject *ports, *flows; Py_ssize_t room; } Followed;

static uint32_t word(const uint8_t *at, int big) {
    return big ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static int half(const uint8_t *at) { return at[0] << 8 | at[1]; }

static int is_text(uint8_t byte) { return (byte >= ' ' && byte <= '~') || byte == '\t' || byte == '\n' || byte == '\r'; }

/* Where the packet of a record ends, and where the next record begins. */
typedef struct { const uint8_t *stop, *next; } Reach;

static uint64_t ticks(const Plan *plan, const uint8_t *block) {
    return (uint64_t)word(block + 12, plan->big) << 32 | word(block + 16, plan->big);
}

/* Whether what is said of a record beside its packet can be true. */
static int is_sane(const Plan *plan, const uint8_t *record, const uint8_t *end, Reach *reach) {
    const uint32_t captured = word(record + (plan->blocks ? 20 : 8), plan->big);
    if (captured > LONGEST || captured > end - record - plan->header)
        return 0;
    reach->stop = reach->next = record + plan->header + captured;
    if (!plan->blocks)
        return captured <= word(record + 12, plan->big) && word(record + 4, plan->big) < 1000000000u / plan->unit;
    const uint32_t total = word(record + 4, plan->big);
    if (total % 4 || total > LONGEST_BLOCK || captured + 32 > total || total > end - record ||
        memcmp(record + 4, record + total - 4, 4))
        return 0;
    reach->next = record + total;
    return 1;
}

/* Whether a block has no options, which may say a direction, and a time that can be true. */
static int is_plain(const Plan *plan, const uint8_t *block, const Reach *reach) {
    const ptrdiff_t captured = reach->stop - block - plan->header;
    return reach->next - reach->stop - (-captured & 3) < 4 + 8 && ticks(plan, block) <= (uint64_t)INT64_MAX / plan->unit;
}

static long long nanoseconds(const Plan *plan, const uint8_t *record) {
    if (plan->blocks)
        return ticks(plan, record) * plan->unit;
    return word(record, plan->big) * 1000000000LL + (long long)word(record + 4, plan->big) * plan->unit;
}

/* Whether a record is a whole packet of the encapsulation that is expected. */
static int fits(const Plan *plan, const uint8_t *record) {
    for (int n = 0; n < plan->checks; n++)
        if ((record[plan->check[n].at] & plan->check[n].mask) != plan->check[n].value)
            return 0;
    return 1;
}

/* Whether a UDP payload that begins with a letter is no SIP message. */
static int no_start(const Tables *tables, const uint8_t *payload, const uint8_t *stop) {
    const uint8_t *at = payload;
    while (at < stop && at - payload < LONGEST_METHOD && tables->token[*at])
        at++;
    return at == stop || (*at != ' ' && *at != '/');
}

/* Whether the data of a TCP segment begin as nothing that may carry SIP. */
static int says_nothing(const Tables *tables, const uint8_t *data, const uint8_t *after) {
    if (tables->quiet[*data])
        return 1;
    if (!is_text(*data) || (after - data >= 4 && !memcmp(data, "HEP3", 4)))
        return 0;
    for (int n = 0; n < LEAST_TEXT && data < after; n++, data++)
        if (!is_text(*data))
            return 1;
    return 0;
}

/* Whether nobody follows the flows of these ports, which are noted then; -1 for an error. */
static int unfollowed(const uint8_t *ports, PyObject *followed, PyObject *noted) {
    PyObject *pair = PyLong_FromUnsignedLong(word(ports, 1));
    if (!pair)
        return -1;
    int known = PySet_Contains(followed, pair);
    if (!known && noted != Py_None && PySet_Add(noted, pair) < 0)
        known = -1;
    Py_DECREF(pair);
    return known < 0 ? -1 : !known;
}

/* Whether a segment can be passed over; -1 for an error. */
static int passes(const Plan *plan, const Tables *tables, const uint8_t *record, const uint8_t *stop,
                  PyObject *followed, PyObject *noted) {
    const uint8_t *segment = record + plan->ports;
    int header = segment[12] >> 2 & 0x3c;
    const uint8_t *data = segment + header, *after = segment + half(record + plan->length) - plan->over;
    if (after > stop)
        after = stop;
    if (segment[13] & SYN_RST_PSH || header < 20 || data > after)
        return 0;
    if (data == after)
        return 1;
    return says_nothing(tables, data, after) ? unfollowed(segment, followed, noted) : 0;
}

static PyObject *joined(const uint8_t *address, int size, const uint8_t *port) {
    char both[18];
    memcpy(both, address, size);
    memcpy(both + size, port, 2);
    return PyBytes_FromStringAndSize(both, size + 2);
}

static int is_usual(const Tables *tables, const uint8_t *payload, Py_ssize_t length) {
    for (Py_ssize_t n = 0, most = PyTuple_Size(tables->usual); n < most; n++) {
        char *text;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(tables->usual, n), &text, &size) < 0)
            return -1;
        if (size <= length && !memcmp(payload, text, size))
            return 1;
    }
    return 0;
}

/* A named tuple of these fields, which are given away. */
static PyObject *made(PyTypeObject *type, PyObject **fields, int count) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *found = allocate(type, count);
    for (int n = 0; n < count; n++)
        if (!found || !fields[n]) {
            Py_CLEAR(found);
            Py_XDECREF(fields[n]);
        } else
            PyTuple_SetItem(found, n, fields[n]);
    return found;
}

static PyObject *direction_of(const Plan *plan, const Tables *tables, const uint8_t *record) {
    return PyTuple_GetItem(tables->directions, plan->direction ? record[plan->direction] : 255);
}

/* Appends a message to `messages`, its ends being given away: then 1; -1 for an error. */
static int add(PyTypeObject *type, long long time, long long frame, PyObject *transport,
               PyObject *source, PyObject *destination, const uint8_t *payload, Py_ssize_t length, PyObject *direction,
               PyObject *messages) {
    PyObject *fields[] = {
        PyLong_FromLongLong(time),
        PyLong_FromLongLong(frame),
        Py_NewRef(transport),
        source,
        destination,
        PyBytes_FromStringAndSize((const char *)payload, length),
        Py_XNewRef(direction),
        Py_NewRef(Py_False),
    };
    PyObject *datagram = made(type, fields, sizeof fields / sizeof *fields);
    int failed = !datagram || PyList_Append(messages, datagram) < 0;
    Py_XDECREF(datagram);
    return failed ? -1 : 1;
}

/* Appends the message of a UDP packet to `messages` when it is whole and begins as most do: then 1; -1 for an error. */
static int tell(const Plan *plan, const Tables *tables, const uint8_t *record, const Reach *reach, long long frame,
                PyObject *messages) {
    const uint8_t *ports = record + plan->ports, *payload = ports + 8, *source = record + plan->addresses;
    const int length = half(ports + 4), size = plan->size;
    if (length < 21 || length > half(record + plan->length) - plan->over || ports + length > reach->stop ||
        !half(ports) || !half(ports + 2) || (plan->blocks && !is_plain(plan, record, reach)))
        return 0;
    int usual = is_usual(tables, payload, length - 8);
    if (usual <= 0)
        return usual;
    return add(tables->datagram, nanoseconds(plan, record), frame, tables->udp, joined(source, size, ports),
               joined(source + size, size, ports + 2), payload, length - 8, direction_of(plan, tables, record), messages);
}

/* What an object has under a name, and keeps. */
static PyObject *of(PyObject *object, int name) {
    PyObject *found = object ? PyObject_GetAttr(object, names[name]) : NULL;
    Py_XDECREF(found);
    return found;
}

/* Gives it `value`, which is given away; -1 for an error. */
static int set(PyObject *object, int name, PyObject *value) {
    int failed = value ? PyObject_SetAttr(object, names[name], value) : -1;
    Py_XDECREF(value);
    return failed;
}

/* Where an empty line ends in the bytes of a head, of which `scanned` were searched before; 0 for nowhere. */
static Py_ssize_t end_of_head(const uint8_t *head, Py_ssize_t size, Py_ssize_t scanned) {
    const uint8_t *at = head + (scanned > 2 ? scanned - 2 : 0), *end = head + size;
    while ((at = memchr(at, '\n', end - at))) {
        if (end - at >= 3 && at[1] == '\r' && at[2] == '\n')
            return at + 3 - head;
        at++;
    }
    return 0;
}

/* How long the message is that begins with `data`; 0 when its head goes on, -1 when it is not as most are, -2 for an error. */
static Py_ssize_t measured(const Tables *tables, const uint8_t *data, Py_ssize_t size, Py_ssize_t scanned) {
    static const char USUAL[] = "\nContent-Length: ";
    const int usual = is_usual(tables, data, size);
    if (usual <= 0)
        return usual - 1;
    const Py_ssize_t head = end_of_head(data, size, scanned), length = sizeof USUAL - 1;
    if (!head)
        return size <= LONGEST ? 0 : -1;
    for (const uint8_t *at = data; (at = memchr(at, '\n', data + head - at)); at++) {
        if (data + head - at < length || memcmp(at, USUAL, length) || at[-1] != '\r')
            continue;
        Py_ssize_t body = 0;
        int digits = 0;
        for (at += length; *at >= '0' && *at <= '9' && digits < MOST_DIGITS; digits++)
            body = body * 10 + *at++ - '0';
        return digits && *at == '\r' ? head + body : -1;
    }
    return -1;
}

/* Takes a segment of a flow that is followed, when it is the next one and all messages in it are as most are: then 1.
   What a flow and its stream remember of it is what `Reassembler.feed` and `MessageStream.receive` remember. */
static int follow(const Plan *plan, const Tables *tables, const uint8_t *record, const Reach *reach, long long frame,
                  Followed *followed, PyObject *messages) {
    const uint8_t *segment = record + plan->ports, *data = segment + (segment[12] >> 2 & 0x3c);
    const uint8_t *addresses = record + plan->addresses;
    Py_ssize_t size = segment + half(record + plan->length) - plan->over - data;
    if (data < segment + 20 || size <= 0 || data + size > reach->stop || segment[13] & FIN_SYN_RST || *data == ALERT ||
        size > followed->room || (plan->blocks && !is_plain(plan, record, reach)))
        return 0;
    PyObject *key = PyBytes_FromStringAndSize((const char *)addresses, segment + 4 - addresses);
    PyObject *flow = key ? PyDict_GetItemWithError(followed->flows, key) : NULL;
    Py_XDECREF(key);
    if (!flow)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *sequence = of(flow, SEQUENCE), *next = of(sequence, NEXT), *ahead = of(sequence, AHEAD);
    PyObject *stream = of(flow, STREAM), *shown = of(flow, SHOWN), *known = of(flow, DIRECTION), *ends = of(flow, ENDS);
    PyObject *direction = direction_of(plan, tables, record);
    if (!next || !ahead || !stream || !shown || !known || !ends || !direction)
        return -1;
    if (Py_TYPE(stream) != tables->stream || shown != Py_True || PyLong_AsUnsignedLong(next) != word(segment + 4, 1) ||
        PyDict_Size(ahead) || (known != direction && PyUnicode_Compare(known, direction)))
        return 0;
    PyObject *lost = of(stream, LOST), *needed = of(stream, NEED), *searched = of(stream, SCANNED), *buffer = of(stream, BUFFER);
    if (!lost || !needed || !searched || !buffer)
        return -1;
    if (lost != Py_False)
        return 0;
    const Py_ssize_t kept = PyByteArray_Size(buffer), before = PyList_Size(messages), added = size;
    const Py_ssize_t need_before = PyLong_AsSsize_t(needed), scanned_before = PyLong_AsSsize_t(searched);
    Py_ssize_t need = need_before, scanned = scanned_before;
    const long long time = nanoseconds(plan, record);
    int whole = 0;
    if (kept) {
        if (PyByteArray_Resize(buffer, kept + size) < 0)
            return -1;
        memcpy(PyByteArray_AsString(buffer) + kept, data, size);
        data = (const uint8_t *)PyByteArray_AsString(buffer);
        size += kept;
    }
    while (size) {
        if (!need) {
            for (; !scanned && size && (*data == '\r' || *data == '\n'); data++)
                size--;
            need = size ? measured(tables, data, size, scanned) : 0;
            scanned = need ? 0 : size;
            whole = whole || need > 0;
        }
        if (need <= 0 || size < need)
            break;
        if (add(tables->connected, time, frame, tables->tcp, Py_NewRef(PyTuple_GetItem(ends, 0)),
                Py_NewRef(PyTuple_GetItem(ends, 1)), data, need, direction, messages) < 0)
            return -1;
        data += need;
        size -= need;
        need = 0;
    }
    if (need < 0) { /* all of it is looked at */
        if (need < -1 || PyList_SetSlice(messages, before, PyList_Size(messages), NULL) < 0)
            return -1;
        return kept ? PyByteArray_Resize(buffer, kept) : 0;
    }
    if (kept)
        memmove(PyByteArray_AsString(buffer), data, size);
    if (PyByteArray_Resize(buffer, size) < 0)
        return -1;
    if (!kept)
        memcpy(PyByteArray_AsString(buffer), data, size);
    followed->room -= size - kept;
    if ((need != need_before && set(stream, NEED, PyLong_FromSsize_t(need)) < 0) ||
        (scanned != scanned_before && set(stream, SCANNED, PyLong_FromSsize_t(scanned)) < 0) ||
        (whole && PyObject_SetAttr(stream, names[IS_SIP], Py_True) < 0) ||
        set(sequence, NEXT, PyLong_FromUnsignedLong((uint32_t)(word(segment + 4, 1) + added))) < 0 ||
        set(flow, TIME, PyLong_FromLongLong(time)) < 0 || set(flow, FRAME, PyLong_FromLongLong(frame)) < 0 ||
        set(flow, ACKNOWLEDGES, PyLong_FromUnsignedLong(word(segment + 8, 1))) < 0)
        return -1;
    return 1;
}

/* Where the first record begins that has to be looked at, where the one before it, and how many there were. */
static PyObject *walk(const Plan *plans, int count, const Tables *tables, const uint8_t *buffer, Py_ssize_t at,
                      Py_ssize_t before, Py_ssize_t last, const uint8_t *end, long long frame, Followed *followed,
                      PyObject *noted, PyObject *messages) {
    const Plan *plan = plans;
    while (at <= last) {
        const uint8_t *record = buffer + at;
        Reach reach = {record, record};
        int tried = 0, pass = 0;
        while (tried < count && !(is_sane(plan, record, end, &reach) && record + plan->ports + 8 < reach.stop &&
                                  fits(plan, record))) {
            tried++;
            plan = plan + 1 < plans + count ? plan + 1 : plans;
        }
        if (tried == count)
            break;
        const uint8_t *ports = record + plan->ports;
        const int protocol = record[plan->protocol], first = tables->first[ports[8]];
        const int tunnelled = tables->tunnels[half(ports)] || tables->tunnels[half(ports + 2)];
        if (protocol == TCP)
            pass = passes(plan, tables, record, reach.stop, followed->ports, noted);
        else if (protocol == UDP && first == MEDIA)
            pass = 1;
        else if (protocol == UDP && (first == DULL || (first == LETTER && no_start(tables, ports + 8, reach.stop))))
            pass = !tunnelled;
        else if (protocol == UDP && first == LETTER)
            pass = tell(plan, tables, record, &reach, frame + 1, messages);
        if (!pass && protocol == TCP)
            pass = follow(plan, tables, record, &reach, frame + 1, followed, messages);
        if (pass < 0)
            return NULL;
        if (!pass)
            break;
        frame++;
        before = at;
        at = reach.next - buffer;
    }
    return Py_BuildValue("nnL", at, before, frame);
}

/* The same; `flows` is told how much more waits in them. */
static PyObject *walk_flows(const Plan *plans, int count, const Tables *tables, const uint8_t *buffer, Py_ssize_t at,
                            Py_ssize_t before, Py_ssize_t last, const uint8_t *end, long long frame, PyObject *flows,
                            PyObject *noted, PyObject *messages) {
    PyObject *most = of(flows, MOST_WAITING), *waiting = most ? of(flows, WAITING) : NULL;
    Followed followed = {waiting ? of(flows, PORTS) : NULL, waiting ? of(flows, FLOWS) : NULL, 0};
    if (!followed.ports || !followed.flows)
        return NULL;
    const Py_ssize_t room = followed.room = PyLong_AsSsize_t(most) - PyLong_AsSsize_t(waiting);
    PyObject *result = walk(plans, count, tables, buffer, at, before, last, end, frame, &followed, noted, messages);
    if (result && followed.room != room && set(flows, WAITING, PyLong_FromSsize_t(PyLong_AsSsize_t(most) - followed.room)) < 0)
        Py_CLEAR(result);
    return result;
}

static int table(PyObject *tables, int at, Py_ssize_t size, const uint8_t **found) {
    char *text;
    Py_ssize_t has;
    PyObject *item = PyTuple_GetItem(tables, at);
    if (!item || PyBytes_AsStringAndSize(item, &text, &has) < 0)
        return 0;
    *found = (const uint8_t *)text;
    return has == size;
}

static PyObject *passed(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer buffer, raw;
    Py_ssize_t at, before, last, end;
    long long frame;
    PyObject *tuple, *flows, *noted, *messages, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnnnLy*O!OOO!", &buffer, &at, &before, &last, &end, &frame, &raw, &PyTuple_Type,
                          &tuple, &flows, &noted, &PyList_Type, &messages))
        return NULL;
    Plan plans[MOST_PLANS];
    Tables tables;
    const int count = (int)(raw.len / sizeof *plans);
    int sane = count > 0 && count <= MOST_PLANS && raw.len % sizeof *plans == 0 && PyTuple_Size(tuple) == 11 && table(tuple, 0, 256, &tables.first) &&
               table(tuple, 1, 256, &tables.quiet) && table(tuple, 2, 256, &tables.token) &&
               table(tuple, 3, 65536, &tables.tunnels);
    if (sane) {
        memcpy(plans, raw.buf, raw.len);
        tables.usual = PyTuple_GetItem(tuple, 4);
        tables.directions = PyTuple_GetItem(tuple, 5);
        tables.udp = PyTuple_GetItem(tuple, 6);
        tables.tcp = PyTuple_GetItem(tuple, 7);
        tables.datagram = (PyTypeObject *)PyTuple_GetItem(tuple, 8);
        tables.connected = (PyTypeObject *)PyTuple_GetItem(tuple, 9);
        tables.stream = (PyTypeObject *)PyTuple_GetItem(tuple, 10);
        sane = at >= 0 && end <= buffer.len && last + MARGIN <= buffer.len;
        for (const Plan *plan = plans; plan < plans + count; plan++)
            sane = sane && plan->unit > 0 && plan->checks <= MOST_CHECKS && plan->size <= 16 &&
                   plan->ports + 8 + LONGEST_METHOD < MARGIN;
    }
    if (!sane && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "no plan, or one that reaches too far");
    if (sane)
        result = walk_flows(plans, count, &tables, buffer.buf, at, before, last, (uint8_t *)buffer.buf + end, frame, flows,
                            noted, messages);
    PyBuffer_Release(&raw);
    PyBuffer_Release(&buffer);
    return result;
}

static PyMethodDef methods[] = {{"passed", passed, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_records", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__records(void) {
    for (int n = 0; n < NAMES; n++)
        if (!(names[n] = PyUnicode_InternFromString(NAMED[n])))
            return NULL;
    return PyModule_Create(&definition);
}
