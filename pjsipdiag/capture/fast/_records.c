/* The records of a capture that need no closer look, at the speed of memory.

   Law: what is passed over or told here, `sieve.py` passes over or tells as well, record by record; this stops at each
   record of which that is not certain, and hands to a Dissector each fragment and TCP segment that is not as most
   are. What bytes mean is said by the tables of `compiled.py`.
   Of a record that begins at or before `last`, MARGIN bytes can be read; what lies further on is compared with `end`. */

#include "limited_api.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "taker.h"

enum { MARGIN = 160, LONGEST = 262144, LONGEST_BLOCK = LONGEST + 65536, MOST_CHECKS = 32, MOST_PLANS = 16 };
enum { MOST_MESSAGES = 64 }; /* told at once: as in compiled.py */
enum { MOST_USUAL = 32, LONGEST_METHOD = 32, LEAST_TEXT = 16, MOST_DIGITS = 5, MOST_BLANKS = 8, UDP = 17, TCP = 6 };
enum { MOST_PIECES = 64, MOST_BYTES = 65536, MAX_AGE = 30 /* seconds, as in fragments.py */ };
enum { SYN_RST = 6, SYN_RST_PSH = 14, ALERT = 0x15, FAR = 1 << 20, BEGUN = 2 };
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
    int32_t fragment, link;             /* the fragment field of IPv4, 0 for IPv6; the type of the link */
    int32_t checks;
    struct { uint16_t at; uint8_t mask, value; } check[MOST_CHECKS];
} Plan;

typedef struct {
    const uint8_t *first;   /* by the first byte of a UDP payload: MEDIA and so on */
    const uint8_t *quiet;   /* by the first byte of a TCP segment: whether it cannot begin SIP or what carries it */
    const uint8_t *token;   /* by byte: whether it may stand in a method */
    const uint8_t *tunnels; /* by port */
    int count;              /* how many texts most messages begin with */
    Text usual[MOST_USUAL];
    PyObject *directions;   /* a tuple of 256 texts */
    PyObject *udp, *tcp;    /* the names of transports */
    PyObject *datagram, *connected;
    PyTypeObject *stream;   /* MessageStream */
} Tables;

/* What Dissector, FlowTable, Tally, Flow, Direction and MessageStream call what is looked at here. */
enum { TABLE, PASSED, DIRECT, PIECE, FRAGMENTS, TALLY, IS_SHOWN, UNDECODED, PORTS, FLOWS, WAITING, MOST_WAITING, SEQUENCE, NEXT, OPENED, AHEAD,
       STREAM, SHOWN, DIRECTION, TIME, FRAME, ACKNOWLEDGES, LOST, IS_SIP, NEED, SCANNED, BUFFER, SINCE, NAMES };
static const char *const NAMED[NAMES] = {
    "table", "passed", "direct", "piece", "fragments", "tally", "is_shown", "undecoded", "ports", "flows", "waiting", "most_waiting", "sequence",
    "next", "opened", "_ahead", "stream", "shown", "direction", "time", "frame", "acknowledges", "_lost", "_is_sip",
    "_need", "_scanned", "_buffer", "_since"};
static PyObject *names[NAMES];

/* What knows more: what takes any segment, what takes a fragment, the Fragments, the flows that are followed (FlowTable), where others are noted; and how many
   more bytes may wait in the flows, now and when they were told it last. */
typedef struct {
    PyObject *direct, *piece, *fragments, *table, *ports, *flows, *noted;
    Py_ssize_t most, room, told;
    Taker *taker;    /* NULL for none */
    long long taken; /* the time of the last message that was taken, -1 for none */
} Law;

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
static int unfollowed(const uint8_t *ports, const Law *law) {
    PyObject *pair = PyLong_FromUnsignedLong(word(ports, 1));
    if (!pair)
        return -1;
    int known = PySet_Contains(law->ports, pair);
    if (!known && law->noted != Py_None && PySet_Add(law->noted, pair) < 0)
        known = -1;
    Py_DECREF(pair);
    return known < 0 ? -1 : !known;
}

/* Whether a segment can be passed over; -1 for an error. */
static int passes(const Plan *plan, const Tables *tables, const uint8_t *record, const uint8_t *stop, const Law *law) {
    const uint8_t *segment = record + plan->ports;
    int header = segment[12] >> 2 & 0x3c;
    const uint8_t *data = segment + header, *after = segment + half(record + plan->length) - plan->over;
    if (after > stop)
        after = stop;
    if (segment[13] & SYN_RST_PSH || header < 20 || data > after)
        return 0;
    if (data == after)
        return 1;
    return says_nothing(tables, data, after) ? unfollowed(segment, law) : 0;
}

/* Whether a message begins as most do: 1, or BEGUN where it may as far as it goes. */
static int is_usual(const Tables *tables, const uint8_t *payload, Py_ssize_t length) {
    int found = 0;
    for (const Text *text = tables->usual; text < tables->usual + tables->count; text++) {
        const Py_ssize_t size = text->stop - text->at;
        if (length && *payload != (uint8_t)*text->at)
            continue;
        if (!memcmp(payload, text->at, size < length ? size : length)) {
            if (size <= length)
                return 1;
            found = BEGUN;
        }
    }
    return found;
}

static PyObject *direction_of(const Plan *plan, const Tables *tables, const uint8_t *record) {
    return PyTuple_GetItem(tables->directions, plan->direction ? record[plan->direction] : 255);
}

/* Has a message taken, or appends it to `messages`: then 1; -1 for an error. What waits there comes before what is
   taken. */
static int tell(const Tables *tables, const Message *message, Law *law, PyObject *messages) {
    if (law->taker && !PyList_Size(messages)) {
        law->taken = message->time;
        return law->taker->take(law->taker, message);
    }
    PyObject *datagram = datagram_of(message, tables->datagram, tables->connected);
    int failed = !datagram || PyList_Append(messages, datagram) < 0;
    Py_XDECREF(datagram);
    return failed ? -1 : 1;
}

/* Tells the message of a UDP datagram when it begins as most do: then 1; -1 for an error. `record` is its packet. */
static int tell_udp(const Plan *plan, const Tables *tables, const uint8_t *record, long long frame, const uint8_t *udp,
                    Law *law, PyObject *messages) {
    const uint8_t *payload = udp + 8, *source = record + plan->addresses;
    const int length = half(udp + 4) - 8, size = plan->size;
    const long long time = nanoseconds(plan, record);
    PyObject *direction = direction_of(plan, tables, record);
    if (length < 13 || !half(udp) || !half(udp + 2) || is_usual(tables, payload, length) != 1)
        return 0;
    const char *text = (const char *)payload, *from = (const char *)source, *to = from + size, *port = (const char *)udp;
    const Message message = {time, frame, {{from, to}, {to, to + size}}, {port, port + 2}, {text, text + length},
                             tables->udp, direction, 0, 0, NULL};
    return tell(tables, &message, law, messages);
}

/* The same of a whole packet. */
static int tell_packet(const Plan *plan, const Tables *tables, const uint8_t *record, const Reach *reach, long long frame,
                       Law *law, PyObject *messages) {
    const uint8_t *udp = record + plan->ports;
    const int length = half(udp + 4);
    if (length > half(record + plan->length) - plan->over || udp + length > reach->stop ||
        (plan->blocks && !is_plain(plan, record, reach)))
        return 0;
    return tell_udp(plan, tables, record, frame, udp, law, messages);
}

/* What an object has under a name, and keeps. */
static PyObject *of(PyObject *object, int name) {
    PyObject *found = object ? PyObject_GetAttr(object, names[name]) : NULL;
    Py_XDECREF(found);
    return found;
}

static Py_ssize_t number_of(PyObject *object, int name) {
    PyObject *found = of(object, name);
    return found ? PyLong_AsSsize_t(found) : -1;
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

/* How long the message is that begins with `data`; 0 when its head goes on, all of which was searched then if its start
   is there; -1 when it is not as most are, -2 for an error. */
static Py_ssize_t measured(const Tables *tables, const uint8_t *data, Py_ssize_t size, Py_ssize_t *searched) {
    static const char USUAL[] = "\nContent-Length: ";
    const int usual = is_usual(tables, data, size);
    const Py_ssize_t scanned = *searched;
    *searched = 0;
    if (usual != 1)
        return usual == BEGUN ? 0 : -1;
    const Py_ssize_t head = end_of_head(data, size, scanned), length = sizeof USUAL - 1;
    if (!head) {
        *searched = size;
        return size <= LONGEST ? 0 : -1;
    }
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

/* A segment of TCP and its flow. */
typedef struct {
    const uint8_t *header, *data;
    Py_ssize_t size;
    long long time, frame;
    PyObject *key, *flow, *direction;
} Segment;

/* Notes in a flow what its last segment was. */
static int note(const Segment *segment) {
    return set(segment->flow, TIME, PyLong_FromLongLong(segment->time)) < 0 ||
                   set(segment->flow, FRAME, PyLong_FromLongLong(segment->frame)) < 0 ||
                   set(segment->flow, ACKNOWLEDGES, PyLong_FromUnsignedLong(word(segment->header + 8, 1))) < 0
               ? -1 : 1;
}

/* Whether a flow is shown to be its sender's: `FlowTable.is_shown`; -1 for an error. */
static int is_shown(const Segment *segment, const Law *law) {
    PyObject *shown = of(segment->flow, SHOWN);
    if (!shown || shown == Py_True)
        return shown ? 1 : -1;
    shown = note(segment) < 0 ? NULL : PyObject_CallMethodObjArgs(law->table, names[IS_SHOWN], segment->key, segment->flow, NULL);
    Py_XDECREF(shown); /* a bool */
    return shown ? shown == Py_True : -1;
}

/* Tells messages of a flow: 1; -1 for an error. */
static int tell_all(const Tables *tables, const Segment *segment, const Text *found, int count, Law *law, PyObject *messages) {
    const int connected = count ? is_shown(segment, law) : 0;
    int done = connected < 0 ? -1 : 1;
    const char *from = PyBytes_AsString(segment->key), *port = from + PyBytes_Size(segment->key) - 4, *to = from + (port - from) / 2;
    Message message = {segment->time, segment->frame, {{from, to}, {to, port}}, {port, port + 2}, {NULL, NULL}, tables->tcp,
                       segment->direction, 0, connected, NULL};
    for (int n = 0; n < count && done > 0; n++) {
        message.payload = found[n];
        done = tell(tables, &message, law, messages);
    }
    return done;
}

/* Takes the next segment of a flow when all messages in it are as most are: then 1; -1 for an error. What a flow and its
   stream remember of it is what `Reassembler.feed` and `MessageStream.receive` remember. */
static int receive(const Tables *tables, const Segment *segment, PyObject *sequence, PyObject *stream, Law *law,
                   PyObject *messages) {
    const uint8_t *data = segment->data;
    Py_ssize_t size = segment->size;
    PyObject *lost = of(stream, LOST), *buffer = of(stream, BUFFER);
    if (!lost || !buffer)
        return -1;
    if (lost != Py_False)
        return 0;
    const Py_ssize_t kept = PyByteArray_Size(buffer); /* where nothing is kept, nothing is needed or searched */
    const Py_ssize_t need_before = kept ? number_of(stream, NEED) : 0, scanned_before = kept ? number_of(stream, SCANNED) : 0;
    if (PyErr_Occurred())
        return -1;
    Py_ssize_t need = need_before, scanned = scanned_before;
    Text found[MOST_MESSAGES];
    int count = 0, whole = 0;
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
            need = size ? measured(tables, data, size, &scanned) : 0;
            whole = whole || need > 0;
        }
        if (need <= 0 || size < need)
            break;
        if (count == MOST_MESSAGES) {
            need = -1;
            break;
        }
        found[count++] = (Text){(const char *)data, (const char *)data + need};
        data += need;
        size -= need;
        need = 0;
    }
    if (need < 0) /* all of it is looked at */
        return kept ? PyByteArray_Resize(buffer, kept) : 0;
    if (tell_all(tables, segment, found, count, law, messages) < 0)
        return -1;
    if (kept)
        memmove(PyByteArray_AsString(buffer), data, size);
    if ((size || kept) && PyByteArray_Resize(buffer, size) < 0)
        return -1;
    if (!kept && size)
        memcpy(PyByteArray_AsString(buffer), data, size);
    law->room -= size - kept;
    if ((need != need_before && set(stream, NEED, PyLong_FromSsize_t(need)) < 0) ||
        (scanned != scanned_before && set(stream, SCANNED, PyLong_FromSsize_t(scanned)) < 0) ||
        (whole && PyObject_SetAttr(stream, names[IS_SIP], Py_True) < 0) ||
        set(sequence, NEXT, PyLong_FromUnsignedLong((uint32_t)(word(segment->header + 4, 1) + segment->size))) < 0)
        return -1;
    return note(segment);
}

/* Takes the next bytes of a flow, whose first ones tell what reads it. */
static int deliver(const Tables *tables, const Segment *segment, PyObject *sequence, Law *law, PyObject *messages) {
    PyObject *stream = of(segment->flow, STREAM);
    if (!stream)
        return -1;
    if (stream != Py_None)
        return Py_TYPE(stream) == tables->stream ? receive(tables, segment, sequence, stream, law, messages) : 0;
    Py_ssize_t blanks = 0;
    while (blanks < segment->size && blanks < MOST_BLANKS && (segment->data[blanks] == '\r' || segment->data[blanks] == '\n'))
        blanks++;
    if (!is_usual(tables, segment->data + blanks, segment->size - blanks))
        return 0;
    PyObject *undecoded = of(of(law->table, TALLY), UNDECODED);
    PyObject *begun = undecoded ? PyObject_CallFunctionObjArgs((PyObject *)tables->stream, undecoded, NULL) : NULL;
    int done = begun ? receive(tables, segment, sequence, begun, law, messages) : -1;
    if (done > 0 && PyObject_SetAttr(segment->flow, names[STREAM], begun) < 0)
        done = -1;
    Py_XDECREF(begun);
    return done;
}

/* The bytes of a segment and of all those that wait behind it, where each begins where the one before it ends. */
static PyObject *joined_with(PyObject *ahead, const Segment *segment) {
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)segment->data, segment->size);
    uint32_t next = (uint32_t)(word(segment->header + 4, 1) + segment->size);
    for (Py_ssize_t left = PyDict_Size(ahead); bytes && left; left--) {
        PyObject *number = PyLong_FromUnsignedLong(next), *known = number ? PyDict_GetItemWithError(ahead, number) : NULL;
        PyObject *payload = known ? PyTuple_GetItem(known, 0) : NULL;
        const Py_ssize_t size = payload ? PyBytes_Size(payload) : 0;
        Py_XDECREF(number);
        if (!payload || size != PyLong_AsSsize_t(PyTuple_GetItem(known, 1)))
            Py_CLEAR(bytes);
        else
            PyBytes_Concat(&bytes, payload);
        next += (uint32_t)size;
    }
    return bytes;
}

/* Takes the segment that fills the gap before those that wait: `Direction.place`. */
static int fill(const Tables *tables, const Segment *segment, PyObject *sequence, PyObject *ahead, Law *law,
                PyObject *messages) {
    PyObject *bytes = joined_with(ahead, segment);
    if (!bytes)
        return PyErr_Occurred() ? -1 : 0;
    Segment all = *segment;
    all.data = (const uint8_t *)PyBytes_AsString(bytes);
    all.size = PyBytes_Size(bytes);
    int done = deliver(tables, &all, sequence, law, messages);
    if (done > 0) {
        PyDict_Clear(ahead);
        law->room += all.size - segment->size;
        if (set(sequence, WAITING, PyLong_FromLong(0)) < 0 || set(sequence, SINCE, PyLong_FromLongLong(segment->time)) < 0)
            done = -1;
    }
    Py_DECREF(bytes);
    return done;
}

/* Keeps a segment behind the first gap of its flow: `Direction.place`. */
static int keep_waiting(const Segment *segment, PyObject *sequence, PyObject *ahead, Law *law) {
    PyObject *number = PyLong_FromUnsignedLong(word(segment->header + 4, 1));
    PyObject *kept = Py_BuildValue("(y#n)", (const char *)segment->data, segment->size, segment->size);
    const int failed = !number || !kept || PyDict_SetItem(ahead, number, kept) < 0 ||
                       set(sequence, WAITING, PyLong_FromSsize_t(segment->size)) < 0 ||
                       set(sequence, SINCE, PyLong_FromLongLong(segment->time)) < 0;
    Py_XDECREF(number);
    Py_XDECREF(kept);
    law->room -= segment->size;
    return failed ? -1 : note(segment);
}

/* Takes a segment of a flow that is followed when it is the next one, one that is known already, or ahead of
   the next one: then 1. */
static int follow(const Tables *tables, const Segment *segment, Law *law, PyObject *messages) {
    if (!segment->size || segment->header[13] & SYN_RST || *segment->data == ALERT || segment->size > law->room)
        return 0;
    PyObject *sequence = of(segment->flow, SEQUENCE), *next = of(sequence, NEXT), *ahead = of(sequence, AHEAD);
    PyObject *known = of(segment->flow, DIRECTION);
    if (!next || !ahead || !known)
        return -1;
    const int64_t behind = (int32_t)((uint32_t)PyLong_AsUnsignedLong(next) - word(segment->header + 4, 1));
    if (known != segment->direction && PyUnicode_Compare(known, segment->direction))
        return 0;
    PyObject *opened = behind ? of(sequence, OPENED) : Py_False;
    if (!opened)
        return -1;
    if (opened == Py_True && behind >= segment->size && behind <= FAR)
        return note(segment);
    if (behind)
        return behind < 0 && behind >= -FAR && !PyDict_Size(ahead) ? keep_waiting(segment, sequence, ahead, law) : 0;
    return PyDict_Size(ahead) ? fill(tables, segment, sequence, ahead, law, messages)
                              : deliver(tables, segment, sequence, law, messages);
}

/* How many more bytes may wait, as the flows have it. */
static int ask_room(Law *law) {
    law->room = law->told = law->most - number_of(law->table, WAITING);
    return PyErr_Occurred() ? -1 : 0;
}

static int tell_room(Law *law) {
    return law->room == law->told ? 0 : set(law->table, WAITING, PyLong_FromSsize_t(law->most - law->room));
}

/* Adds what was found, which is given away, to the messages: 1, or 0 for None. */
static int add_all(PyObject *found, PyObject *messages) {
    const Py_ssize_t count = PyList_Size(messages);
    int done = !found ? -1 : found != Py_None;
    if (done > 0 && PyObject_IsTrue(found) && PyList_SetSlice(messages, count, count, found) < 0)
        done = -1;
    Py_XDECREF(found);
    return done;
}

/* Leaves a segment to `Dissector.direct`: 1, or 0 where that wants all of the record. */
static int leave(const Segment *segment, Law *law, PyObject *messages) {
    const uint8_t *header = segment->header;
    PyObject *found = tell_room(law) < 0 ? NULL : PyObject_CallFunction(
        law->direct, "LLOIiy#OOI", segment->time, segment->frame, segment->key, word(header + 4, 1), header[13],
        (const char *)segment->data, segment->size, Py_None, segment->direction, word(header + 8, 1));
    const int done = add_all(found, messages);
    return done < 0 || ask_room(law) < 0 ? -1 : done;
}

/* Leaves a whole fragment of UDP over IPv4 to `Dissector.piece`: 1. */
static int leave_piece(const Plan *plan, const Tables *tables, const uint8_t *record, const Reach *reach, long long frame,
                       const Law *law, PyObject *messages) {
    const uint8_t *data = record + plan->ports, *packet = record + plan->header;
    const Py_ssize_t size = half(record + plan->length) - plan->over;
    if (size <= 0 || data + size > reach->stop || (plan->blocks && !is_plain(plan, record, reach)))
        return 0;
    return add_all(PyObject_CallFunction(law->piece, "LLiy#Oy#iiy#", nanoseconds(plan, record), frame, plan->link,
                                         (const char *)packet, reach->stop - packet, direction_of(plan, tables, record),
                                         (const char *)record + plan->addresses, (Py_ssize_t)(2 * plan->size),
                                         half(record + plan->fragment - 2), half(record + plan->fragment),
                                         (const char *)data, size), messages);
}

/* Whether a record is a whole packet of the encapsulation that is expected, with the ports of UDP or TCP in it. */
static int is_of(const Plan *plan, const uint8_t *record, const uint8_t *end, Reach *reach) {
    return is_sane(plan, record, end, reach) && record + plan->ports + 8 < reach->stop && fits(plan, record);
}

/* What a fragment of UDP over IPv4 holds of its datagram. */
typedef struct { const uint8_t *data; int size, offset, more; } Piece;

/* Puts a fragment among the `count` others of its datagram, in the order of their offsets; 0 where it may be none. */
static int put(const Plan *plan, const uint8_t *first, const uint8_t *record, const Reach *reach, Piece *pieces, int count) {
    const int place = half(record + plan->fragment);
    const Piece piece = {record + plan->ports, half(record + plan->length) - plan->over, (place & 0x1fff) * 8, place & 0x2000};
    const long long age = nanoseconds(plan, record) - nanoseconds(plan, first);
    if (!(place & 0x3fff) || count == MOST_PIECES || piece.size <= 0 || piece.data + piece.size > reach->stop ||
        (piece.more && piece.size % 8) || record[plan->protocol] != UDP || (plan->blocks && !is_plain(plan, record, reach)) ||
        memcmp(record + plan->fragment - 2, first + plan->fragment - 2, 2) ||
        memcmp(record + plan->addresses, first + plan->addresses, 2 * plan->size) ||
        age > MAX_AGE * 1000000000LL || age < -MAX_AGE * 1000000000LL)
        return 0;
    for (; count && pieces[count - 1].offset > piece.offset; count--)
        pieces[count] = pieces[count - 1];
    pieces[count] = piece;
    return 1;
}

/* Appends the message of a UDP packet whose fragments are this record and those right behind it, in any order: then how
   many records these are, `record` and `reach` being those of the last one; 0 where it is not as most are. */
static int tell_together(const Plan *plan, const Tables *tables, const uint8_t **record, const uint8_t *last,
                         const uint8_t *end, Reach *reach, long long frame, Law *law, PyObject *messages) {
    const uint8_t *first = *record, *at = first;
    uint8_t whole[MOST_BYTES];
    Piece pieces[MOST_PIECES];
    Reach here = *reach;
    int count = 0, size = 0, reached = 0;
    do {
        if (count) {
            at = here.next;
            if (at > last || !is_of(plan, at, end, &here))
                return 0;
        }
        if (!put(plan, first, at, &here, pieces, count))
            return 0;
        size += half(at + plan->length) - plan->over;
        count++;
    } while (pieces[count - 1].more || pieces[count - 1].offset + pieces[count - 1].size > size);
    for (int n = 0; n < count; reached += pieces[n++].size) {
        if (pieces[n].offset != reached || !pieces[n].more != (n == count - 1) || reached + pieces[n].size >= MOST_BYTES)
            return 0;
        memcpy(whole + reached, pieces[n].data, pieces[n].size);
    }
    const int length = half(whole + 4);
    if (length < 21 || length > size || !half(whole) || !half(whole + 2) || is_usual(tables, whole + 8, length - 8) != 1)
        return 0;
    PyObject *known = PyObject_CallMethod(law->fragments, "together", "(y#ii)i", (const char *)first + plan->addresses,
                                          (Py_ssize_t)(2 * plan->size), UDP, half(first + plan->fragment - 2), size);
    const int done = !known ? -1 : known != Py_True ? 0 : tell_udp(plan, tables, at, frame + count, whole, law, messages);
    Py_XDECREF(known);
    if (done <= 0)
        return done;
    *record = at;
    *reach = here;
    return count;
}

/* Takes a whole segment that opens or ends a flow, or is of one that is followed: then 1. */
static int take(const Plan *plan, const Tables *tables, const uint8_t *record, const Reach *reach, long long frame, Law *law,
                PyObject *messages) {
    const uint8_t *header = record + plan->ports, *addresses = record + plan->addresses;
    const uint8_t *data = header + (header[12] >> 2 & 0x3c);
    const Py_ssize_t size = header + half(record + plan->length) - plan->over - data;
    if (data < header + 20 || size < 0 || data + size > reach->stop || (plan->blocks && !is_plain(plan, record, reach)))
        return 0;
    PyObject *key = PyBytes_FromStringAndSize((const char *)addresses, header + 4 - addresses);
    PyObject *flow = key ? PyDict_GetItemWithError(law->flows, key) : NULL;
    const Segment segment = {header, data, size, nanoseconds(plan, record), frame, key, Py_XNewRef(flow),
                             direction_of(plan, tables, record)};
    int done = PyErr_Occurred() ? -1 : flow ? follow(tables, &segment, law, messages) : 0;
    if (!done && (header[13] & SYN_RST || (flow && size)))
        done = leave(&segment, law, messages);
    Py_XDECREF(flow);
    Py_XDECREF(key);
    return done;
}

/* Where the first record begins that has to be looked at, where the one before it, and how many there were. */
static PyObject *walk(const Plan *plans, int count, const Tables *tables, const uint8_t *buffer, Py_ssize_t at,
                      Py_ssize_t before, Py_ssize_t last, const uint8_t *end, long long frame, Law *law,
                      PyObject *messages) {
    const Plan *plan = plans;
    while (at <= last) {
        const uint8_t *record = buffer + at;
        Reach reach = {record, record};
        int tried = 0, pass = 0;
        while (tried < count && !is_of(plan, record, end, &reach)) {
            tried++;
            plan = plan + 1 < plans + count ? plan + 1 : plans;
        }
        if (tried == count)
            break;
        const uint8_t *ports = record + plan->ports;
        const int protocol = record[plan->protocol], first = tables->first[ports[8]];
        const int tunnelled = tables->tunnels[half(ports)] || tables->tunnels[half(ports + 2)];
        if (plan->fragment && half(record + plan->fragment) & 0x3fff)
            pass = protocol != UDP ? 0
                   : (pass = tell_together(plan, tables, &record, buffer + last, end, &reach, frame, law, messages))
                       ? pass : leave_piece(plan, tables, record, &reach, frame + 1, law, messages);
        else if (protocol == TCP)
            pass = (pass = passes(plan, tables, record, reach.stop, law))
                       ? pass : take(plan, tables, record, &reach, frame + 1, law, messages);
        else if (protocol == UDP && first == MEDIA)
            pass = 1;
        else if (protocol == UDP && (first == DULL || (first == LETTER && no_start(tables, ports + 8, reach.stop))))
            pass = !tunnelled;
        else if (protocol == UDP && first == LETTER)
            pass = tell_packet(plan, tables, record, &reach, frame + 1, law, messages);
        if (pass < 0)
            return NULL;
        if (!pass)
            break;
        frame += pass;
        before = record - buffer;
        at = reach.next - buffer;
        if (first != MEDIA && PyList_Size(messages) >= MOST_MESSAGES)
            break;
    }
    return Py_BuildValue("nnLL", at, before, frame, law->taken);
}

/* The same, with what a Dissector knows. */
static PyObject *walk_with(const Plan *plans, int count, const Tables *tables, const uint8_t *buffer, Py_ssize_t at,
                           Py_ssize_t before, Py_ssize_t last, const uint8_t *end, long long frame, PyObject *dissector,
                           PyObject *taker, PyObject *messages) {
    PyObject *table = of(dissector, TABLE), *most = of(table, MOST_WAITING), *noted = of(dissector, PASSED), *result = NULL;
    Law law = {PyObject_GetAttr(dissector, names[DIRECT]), PyObject_GetAttr(dissector, names[PIECE]),
               of(dissector, FRAGMENTS), table, of(table, PORTS), of(table, FLOWS), noted, 0, 0, 0,
               taker == Py_None ? NULL : PyCapsule_GetPointer(taker, TAKER), -1};
    if ((law.taker || taker == Py_None) && law.direct && law.piece && law.fragments && law.ports && law.flows && noted && most) {
        law.most = PyLong_AsSsize_t(most);
        if (ask_room(&law) == 0)
            result = walk(plans, count, tables, buffer, at, before, last, end, frame, &law, messages);
        if (result && tell_room(&law) < 0)
            Py_CLEAR(result);
    }
    Py_XDECREF(law.piece);
    Py_XDECREF(law.direct);
    return result;
}

/* Reads what most messages begin with. */
static int usual(PyObject *texts, Tables *tables) {
    tables->count = (int)PyTuple_Size(texts);
    for (int n = 0; n < tables->count && n < MOST_USUAL; n++) {
        char *at = NULL;
        Py_ssize_t size = 0;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(texts, n), &at, &size) < 0 || !size)
            return 0;
        tables->usual[n] = (Text){at, at + size};
    }
    return tables->count >= 0 && tables->count <= MOST_USUAL;
}

static PyObject *passed(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer buffer, raw;
    Py_ssize_t at, before, last, end;
    long long frame;
    PyObject *tuple, *dissector, *taker, *messages, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnnnLy*O!OOO!", &buffer, &at, &before, &last, &end, &frame, &raw, &PyTuple_Type,
                          &tuple, &dissector, &taker, &PyList_Type, &messages))
        return NULL;
    Plan plans[MOST_PLANS];
    Tables tables;
    const int count = (int)(raw.len / sizeof *plans);
    Py_ssize_t first, quiet, token, tunnels;
    PyObject *texts;
    int sane = PyArg_ParseTuple(tuple, "y#y#y#y#O!O!OOOOO!", &tables.first, &first, &tables.quiet, &quiet, &tables.token, &token,
                                &tables.tunnels, &tunnels, &PyTuple_Type, &texts, &PyTuple_Type, &tables.directions, &tables.udp,
                                &tables.tcp, &tables.datagram, &tables.connected, &PyType_Type, &tables.stream) &&
               first == 256 && quiet == 256 && token == 256 && tunnels == 65536 && usual(texts, &tables) &&
               count > 0 && count <= MOST_PLANS && raw.len % sizeof *plans == 0;
    if (sane) {
        memcpy(plans, raw.buf, raw.len);
        sane = at >= 0 && end <= buffer.len && last + MARGIN <= buffer.len;
        for (const Plan *plan = plans; plan < plans + count; plan++)
            sane = sane && plan->unit > 0 && plan->checks <= MOST_CHECKS && plan->size <= 16 &&
                   plan->ports + 8 + LONGEST_METHOD < MARGIN && plan->fragment + 2 < MARGIN && plan->fragment != 1;
    }
    if (!sane && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "no plan, or one that reaches too far");
    if (sane)
        result = walk_with(plans, count, &tables, buffer.buf, at, before, last, (uint8_t *)buffer.buf + end, frame, dissector,
                           taker, messages);
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
