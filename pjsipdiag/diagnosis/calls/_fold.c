/* What most SIP messages add to a fold, at the speed of memory.

   Law: what is folded here, the methods of `Fold` fold as well, message by message and with the same result; this
   stops, before anything is changed, at each message of which that is not certain. `find` is Python's `bytes.find`. */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { IP_AND_PORT = 18, ROW = 88, ANSWER = 10, TAGGED = 30, MOST_WHAT = 64 };
enum { WITH_DELAY = 503, FINAL = 200, MOST_FINAL = 699, ACKED = 0, CONNECTED = 1 }; /* an answer that may say when to try again: `Fold._answer` keeps it */
enum { TRUNCATED = 4, CREDENTIALS = 8, SIX = 16 }; /* as in `rows.py` */
enum { TIME, FRAME, TRANSPORT, SOURCE, DESTINATION, PAYLOAD, DIRECTION, CUT }; /* a Datagram */
enum { ID, NUMBER, BRANCH, TO_TAG, TAG, URI, CALLED, AGENT, NAMES, FIELDS = 12 }; /* header_syntax.FIELDS */
enum { FORM_CREDENTIALS = 2 }; /* of a Form */
enum { COUNT, LAST, LAST_TIME, FIRST_SAID, FIRST_TIME, LOOKS, REPEATED }; /* of a Repeated */
enum { MESSAGES, RESPONSES, REQUESTS, END, COUNTS };
static const uint32_t UNKNOWN = 0xFFFFFFFF;
static const char BLANK[] = " \t\n\r\v\f";

/* Borrowed from the tuple that `Fold` hands over. */
typedef struct {
    PyObject *rows, *senders, *called, *user_agents, *index, *answers, *realms, *others, *seen, *agents, *requesters;
    PyObject *answerers, *strays, *pairs, *received, *local, *answering, *asked, *is_asterisk, *known_realms;
    PyObject *registrations, *repeats, *tags, *transports, *connected, *array, *read, *readers, *forms, *append, *limits;
    long long most[16]; /* what `limits` says */
} Kept;
enum { KEPT = offsetof(Kept, most) / sizeof(PyObject *) };
enum { MOST_PEERS, MOST_PAIRS, MOST_NAMES, LONGEST_NAME, MOST_ANSWERS, MOST_REGISTRATIONS, MOST_METHODS, MOST_KINDS, LONGEST_SEEN, MOST_REPEATED, MOST_TAGS, LIMITS }; /* limits */
enum { SAME_PACKET = 50000000, TELLING = 256 }; /* as in `rows.py` and `kinds.py` */
enum { MOST_SEEN = 4, MOST_LOOKS = 8 };

typedef struct { const char *at, *stop; } Text;

static int is_blank(char byte) { return byte && strchr(BLANK, byte) != NULL; }

static const char *find_bytes(const char *at, const char *stop, const char *text, size_t size) {
    while (at && stop - at >= (ptrdiff_t)size && (at = memchr(at, *text, stop - at - size + 1)))
        if (!memcmp(at, text, size))
            return at;
        else
            at++;
    return NULL;
}

static const char *find(const char *at, const char *stop, const char *text) {
    return find_bytes(at, stop, text, strlen(text));
}

static int starts(Text text, const char *with) {
    const size_t size = strlen(with);
    return text.stop - text.at >= (ptrdiff_t)size && !memcmp(text.at, with, size);
}

/* What stands between the first `before` and the next `after`; without one of them `at` is NULL. */
static Text between(Text text, const char *before, const char *after) {
    const char *at = find(text.at, text.stop, before);
    Text found = {at ? at + strlen(before) : NULL, at ? find(at + strlen(before), text.stop, after) : NULL};
    if (!found.stop)
        found.at = NULL;
    return found;
}

static int is_letter(char byte, char lower) { return (byte | 0x20) == lower && byte != '\r' && byte != '\r' - 0x20; }

/* Whether a line begins with that lower-case name of a header. */
static int is_header(const char *at, const char *stop, const char *name) {
    for (; *name; name++, at++)
        if (at >= stop || (*name == '-' ? *at != '-' : !is_letter(*at, *name)))
            return 0;
    while (at < stop && (*at == ' ' || *at == '\t'))
        at++;
    return at < stop && *at == ':';
}

/* As `heads.has_credentials`. */
static int has_credentials(Text payload) {
    const char *at = payload.at;
    while ((at = memchr(at, '\n', payload.stop - at)) != NULL && ++at < payload.stop)
        if (is_letter(*at, 'a') ? is_header(at, payload.stop, "authorization")
                                : is_letter(*at, 'p') && is_header(at, payload.stop, "proxy-authorization"))
            return 1;
    return 0;
}

static Text stripped(Text text) {
    while (text.at < text.stop && is_blank(*text.at))
        text.at++;
    while (text.at < text.stop && is_blank(text.stop[-1]))
        text.stop--;
    return text;
}

static PyObject *bytes(Text text) { return PyBytes_FromStringAndSize(text.at, text.stop - text.at); }

static Text text_of(PyObject *object) {
    char *at = NULL;
    Py_ssize_t size = 0;
    PyBytes_AsStringAndSize(object, &at, &size);
    return (Text){at, at + size};
}

/* A field, None being empty. */
static Text field(PyObject *fields, int which) {
    PyObject *object = PyTuple_GetItem(fields, which);
    return object && object != Py_None ? text_of(object) : (Text){"", ""};
}

static PyObject *address(PyObject *ip_and_port) {
    Text text = text_of(ip_and_port);
    if (text.at && text.stop - text.at < 2)
        PyErr_SetString(PyExc_ValueError, "a packed address ends with its port");
    return PyErr_Occurred() ? NULL : PyBytes_FromStringAndSize(text.at, text.stop - text.at - 2);
}

static long long limit(const Kept *kept, int which) { return kept->most[which]; }

static char *little(char *at, uint64_t value, int size) {
    for (; size--; value >>= 8)
        *at++ = (char)value;
    return at;
}

/* Eight bytes, the lowest first. */
static uint64_t word(const char *at) {
    uint64_t value = 0;
    for (int n = 0; n < 8; n++)
        value |= (uint64_t)(unsigned char)at[n] << 8 * n;
    return value;
}

/* BLAKE2b (RFC 7693) without a key. */
typedef struct { uint64_t state[8], size; char block[128]; size_t held; } Blake;
static const uint64_t INITIAL[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
static const unsigned char SIGMA[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static uint64_t turned(uint64_t word, int bits) { return word >> bits | word << (64 - bits); }

static inline void mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y) {
    v[a] += v[b] + x;
    v[d] = turned(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turned(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 63);
}

static void compress(Blake *blake, int last) {
    uint64_t v[16], m[16];
    for (int n = 0; n < 16; n++)
        m[n] = word(blake->block + 8 * n);
    memcpy(v, blake->state, sizeof blake->state);
    memcpy(v + 8, INITIAL, sizeof INITIAL);
    v[12] ^= blake->size;
    v[14] ^= last ? UINT64_MAX : 0;
    for (int round = 0; round < 12; round++) {
        const unsigned char *s = SIGMA[round];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]); /* written out: a loop takes twice as long */
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int n = 0; n < 8; n++)
        blake->state[n] ^= v[n] ^ v[n + 8];
}

static void absorb(Blake *blake, const char *at, size_t size) {
    while (size) {
        if (blake->held == sizeof blake->block) {
            blake->size += blake->held;
            compress(blake, 0);
            blake->held = 0;
        }
        const size_t room = sizeof blake->block - blake->held, taken = size < room ? size : room;
        memcpy(blake->block + blake->held, at, taken);
        blake->held += taken;
        at += taken;
        size -= taken;
    }
}

/* As `digest.digest`, of `size` bytes: the lengths of the parts, then the parts; None is empty. */
static Blake blake_of(int count, const Text *parts, int size) {
    Blake blake = {.size = 0};
    memcpy(blake.state, INITIAL, sizeof INITIAL);
    blake.state[0] ^= (uint64_t)(0x01010000 ^ size);
    for (int n = 0; n < count; n++) {
        char length[4];
        little(length, (uint64_t)(parts[n].stop - parts[n].at), 4);
        absorb(&blake, length, 4);
    }
    for (int n = 0; n < count; n++)
        absorb(&blake, parts[n].at, (size_t)(parts[n].stop - parts[n].at));
    memset(blake.block + blake.held, 0, sizeof blake.block - blake.held);
    blake.size += blake.held;
    compress(&blake, 1);
    return blake;
}

static int64_t digest(int count, const Text *parts) { return (int64_t)blake_of(count, parts, 8).state[0]; }

/* What stands for two addresses: zlib's crc32 of both, which tells all apart that have one end in common. */
static uint32_t crc32_of(Text text, uint32_t before) {
    uint32_t sum = ~before;
    for (; text.at < text.stop; text.at++) {
        sum ^= (unsigned char)*text.at;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320 : 0);
    }
    return ~sum;
}

/* dictionary[key] += 1, where the key is there or there is room for it. */
static int count_one(PyObject *dictionary, PyObject *key, long long most) {
    PyObject *known = PyDict_GetItemWithError(dictionary, key);
    if (!known && (PyErr_Occurred() || PyDict_Size(dictionary) >= most))
        return PyErr_Occurred() ? -1 : 0;
    PyObject *count = PyLong_FromLongLong(known ? PyLong_AsLongLong(known) + 1 : 1);
    const int failed = !count || PyDict_SetItem(dictionary, key, count) < 0;
    Py_XDECREF(count);
    return failed ? -1 : 0;
}

static void big(char *at, uint64_t value, int size) {
    while (size--) {
        at[size] = (char)value;
        value >>= 8;
    }
}

/* Whether a final answer is sent again, and that is to be counted: `rows.add_repeat`. */
static int is_repeat(const Kept *kept, const char *first, int status, long long time) {
    long long begun = 0;
    for (int n = 2; n < ANSWER; n++)
        begun = begun << 8 | (unsigned char)first[n];
    return status >= FINAL && time - begun > SAME_PACKET && PyDict_Size(kept->repeats) < limit(kept, MOST_REPEATED);
}

/* `old` answers, or none, with one more: `add_answer`; NULL without an error where it is not simply the latest. */
static PyObject *grown(const Kept *kept, PyObject *old, int status, long long time) {
    char packed[ANSWER];
    if (time < 0)
        return NULL;
    big(packed, status, 2);
    big(packed + 2, time, 8);
    if (!old)
        return PyBytes_FromStringAndSize(packed, ANSWER);
    const Text known = text_of(old);
    for (const char *at = known.at; at < known.stop; at += ANSWER) {
        const int order = memcmp(at + 2, packed + 2, 8), other = memcmp(at, packed, 2);
        if (!other)
            return order > 0 || is_repeat(kept, at, status, time) ? NULL : Py_NewRef(old);
        if (order > 0 || (!order && other > 0))
            return NULL;
    }
    if ((known.stop - known.at) / ANSWER >= limit(kept, MOST_ANSWERS))
        return NULL;
    PyObject *added = PyBytes_FromStringAndSize(NULL, known.stop - known.at + ANSWER);
    if (added) {
        char *at = PyBytes_AsString(added);
        memcpy(at, known.at, known.stop - known.at);
        memcpy(at + (known.stop - known.at), packed, ANSWER);
    }
    return added;
}

/* The User-Agent: `heads.agent_of`, empty without one. */
static Text agent_of(Text payload) {
    if (find(payload.at, payload.stop, "\nUser-Agent: "))
        return between(payload, "\nUser-Agent: ", "\r");
    return (Text){payload.at, payload.at};
}

/* Who answers: its Server, or its User-Agent where it has none. */
static Text server_of(Text payload) {
    if (find(payload.at, payload.stop, "\nServer: "))
        return between(payload, "\nServer: ", "\r");
    return agent_of(payload);
}

/* dictionary[ip, agent] = the earliest of its times. */
static int keep_first(PyObject *dictionary, PyObject *ip, PyObject *agent, PyObject *time) {
    PyObject *pair = PyTuple_Pack(2, ip, agent), *first = pair ? PyDict_GetItemWithError(dictionary, pair) : NULL;
    if (!PyErr_Occurred() && !(first && PyLong_AsLongLong(first) <= PyLong_AsLongLong(time)))
        PyDict_SetItem(dictionary, pair, time);
    Py_XDECREF(pair);
    return PyErr_Occurred() ? -1 : 1;
}

/* The first answer of a transaction: whose agent answered, and for whom. As `_answers_as` and what follows it. */
static int first_answer(const Kept *kept, PyObject *key, PyObject *ip, PyObject *time, Text payload) {
    const Text text = server_of(payload);
    PyObject *agent = text.at ? bytes(text) : NULL;
    PyObject *known = agent ? PyDict_GetItemWithError(kept->is_asterisk, agent) : NULL;
    int done = PyErr_Occurred() ? -1 : known != NULL;
    if (known == Py_True) {
        done = keep_first(kept->agents, ip, agent, time);
        if (done > 0) {
            const int here = PyDict_Contains(kept->index, key);
            const int failed = here ? count_one(kept->answerers, ip, PY_SSIZE_T_MAX)
                                    : PyDict_SetItem(kept->strays, key, ip);
            done = here < 0 || failed ? -1 : 1;
        }
    }
    Py_XDECREF(agent);
    return done;
}

/* The realm of a challenge that is known; NULL without an error for a new one. */
static PyObject *realm_of(const Kept *kept, Text payload) {
    const Text text = between(payload, "realm=\"", "\"");
    PyObject *realm = text.at ? bytes(text) : NULL;
    PyObject *known = realm ? PyDict_GetItemWithError(kept->known_realms, realm) : NULL;
    Py_XDECREF(realm);
    return known;
}

/* Whether a CSeq is that of an INVITE. */
static int is_tracked(Text sequence) {
    static const char name[] = " INVITE";
    const ptrdiff_t size = sizeof name - 1;
    if (sequence.at < sequence.stop && sequence.stop[-1] == '\r')
        sequence.stop--;
    return sequence.stop - sequence.at >= size && !memcmp(sequence.stop - size, name, size);
}

static PyObject *key_of_answer(Text payload, Text sequence) {
    const Text id = between(payload, "\nCall-ID: ", "\n");
    const char *via = find(payload.at, payload.stop, "\nVia: ");
    Text branch = {find(via ? via : payload.at, payload.stop, ";branch="), payload.stop};
    if (!id.at || !branch.at)
        return NULL;
    branch.at += strlen(";branch=");
    for (branch.stop = branch.at; branch.stop < payload.stop; branch.stop++)
        if (*branch.stop == ';' || *branch.stop == ',' || is_blank(*branch.stop))
            break;
    const Text number = {sequence.at, find(sequence.at, sequence.stop, " ")};
    const Text parts[] = {stripped(id), number, branch};
    return PyLong_FromLongLong(digest(3, parts));
}

/* What the capture says of the direction, as `rows.DIRECTIONS`; -1 for none that is known. */
static int direction_of(PyObject *datagram) {
    static const char *const names[] = {"", "in", "out"};
    for (int n = 0; n < 3; n++)
        if (!PyUnicode_CompareWithASCIIString(PyTuple_GetItem(datagram, DIRECTION), names[n]))
            return n;
    return -1;
}

/* Whether a value goes on in the next line, or is not there. */
static int is_odd(Text payload, Text value) {
    return !value.at || (value.stop + 1 < payload.stop && (value.stop[1] == ' ' || value.stop[1] == '\t'));
}

/* Writes what a message shows of who receives what is sent to him, `heads.tagged`: then 1, 0 where it is not spelt as
   usual, and 2 where it shows nothing. */
static int tagged(const Kept *kept, PyObject *datagram, Text payload, int what, char *record) {
    const int answers = what > CONNECTED, direction = direction_of(datagram);
    const char *method = what == ACKED ? "ACK" : "INVITE";
    const Text id = between(payload, "\nCall-ID: ", "\n"), to = between(payload, "\nTo: ", "\n");
    Text number = between(payload, "\nCSeq: ", "\n"), tag = stripped(to);
    if (direction == (answers ? 1 : 2) || PyByteArray_Size(kept->tags) >= limit(kept, MOST_TAGS))
        return 2;
    if (!id.at || is_odd(payload, to) || is_odd(payload, number))
        return 0;
    number = stripped(number);
    Text name = {find(number.at, number.stop, " "), number.stop};
    if (!name.at)
        return 0;
    number.stop = name.at;
    name = stripped(name);
    while (tag.stop > tag.at && tag.stop[-1] != '>')
        tag.stop--;
    tag = (Text){tag.stop, stripped(to).stop};
    if (name.stop - name.at != (ptrdiff_t)strlen(method) || !starts(name, method) || tag.at == stripped(to).at ||
        (tag.at < tag.stop && !starts(tag, ";tag=")))
        return 0;
    tag.at += tag.at < tag.stop ? strlen(";tag=") : 0;
    const char *end = memchr(tag.at, ';', tag.stop - tag.at);
    tag = stripped((Text){tag.at, end ? end : tag.stop});
    if (what == ACKED && tag.at == tag.stop)
        return 2;
    Text caller = text_of(PyTuple_GetItem(datagram, answers ? DESTINATION : SOURCE));
    Text pbx = text_of(PyTuple_GetItem(datagram, answers ? SOURCE : DESTINATION));
    if (PyErr_Occurred() || caller.stop - caller.at < 2 || pbx.stop - pbx.at < 2)
        return 0;
    caller.stop -= 2;
    pbx.stop -= 2;
    const Text parts[] = {caller, stripped(id)};
    const uint32_t sum = crc32_of(tag, 0);
    const Blake blake = blake_of(2, parts, 16);
    record = little(little(little(record, blake.state[0], 8), blake.state[1], 8), crc32_of(number, 0), 4);
    little(little(little(record, sum ? sum : 1, 4), what, 2), crc32_of(pbx, 0), 4);
    return 1;
}

static int keep_tag(const Kept *kept, const char *record) {
    const Py_ssize_t size = PyByteArray_Size(kept->tags);
    if (PyByteArray_Resize(kept->tags, size + TAGGED) < 0)
        return -1;
    memcpy(PyByteArray_AsString(kept->tags) + size, record, TAGGED);
    return 1;
}

/* An ACK. */
static int acked(const Kept *kept, PyObject *datagram, Text payload) {
    char record[TAGGED];
    const int shows = tagged(kept, datagram, payload, ACKED, record);
    return shows == 1 ? keep_tag(kept, record) : shows;
}

/* The answers of a transaction: `Fold._answer`. */
static int answer(const Kept *kept, PyObject *datagram, Text payload, Text sequence) {
    int status = 0;
    for (int n = 8; n < 11; n++) {
        if (payload.at + n >= payload.stop || payload.at[n] < '0' || payload.at[n] > '9')
            return 0;
        status = status * 10 + payload.at[n] - '0';
    }
    char record[TAGGED];
    const int shows = status < FINAL || status > MOST_FINAL ? 2 : tagged(kept, datagram, payload, status, record);
    if (status == WITH_DELAY || !shows)
        return 0;
    PyObject *time = PyTuple_GetItem(datagram, TIME), *key = key_of_answer(payload, sequence);
    PyObject *old = key ? PyDict_GetItemWithError(kept->answers, key) : NULL;
    PyObject *ip = key ? address(PyTuple_GetItem(datagram, SOURCE)) : NULL;
    PyObject *now = ip ? grown(kept, old, status, PyLong_AsLongLong(time)) : NULL, *realm = NULL;
    int done = now != NULL;
    if (now && (status == 401 || status == 407)) {
        const int has = PyDict_Contains(kept->realms, key);
        realm = has ? NULL : realm_of(kept, payload);
        done = has > 0 || realm;
    }
    if (done && !old)
        done = first_answer(kept, key, ip, time, payload);
    if (done > 0 && !(realm && PyDict_SetItem(kept->realms, key, realm) < 0))
        done = PyDict_SetItem(kept->answers, key, now) < 0 ? -1 : shows == 1 ? keep_tag(kept, record) : 1;
    Py_XDECREF(now);
    Py_XDECREF(ip);
    Py_XDECREF(key);
    return PyErr_Occurred() ? -1 : done;
}

/* Keeps the agent of the first request of a source when it is Asterisk's: `_asks_as`; 0 for an agent nobody knows yet. */
static int asks(const Kept *kept, PyObject *datagram, PyObject *ip, PyObject *agent) {
    PyObject *source = PyTuple_GetItem(datagram, SOURCE), *time = PyTuple_GetItem(datagram, TIME);
    const int known = PySet_Contains(kept->asked, source);
    if (known)
        return known;
    PyObject *is_asterisk = PyDict_GetItemWithError(kept->is_asterisk, agent);
    if (!is_asterisk)
        return PyErr_Occurred() ? -1 : 0;
    if (PySet_Size(kept->asked) < limit(kept, MOST_PEERS) && PySet_Add(kept->asked, source) < 0)
        return -1;
    return is_asterisk == Py_True ? keep_first(kept->requesters, ip, agent, time) : 1;
}

/* By what a message is told from others of its kind: `kinds.telling`. */
static long long telling(Text payload) {
    char start[TELLING] = {0};
    uint64_t sum = 0;
    memcpy(start, payload.at, payload.stop - payload.at < TELLING ? payload.stop - payload.at : TELLING);
    for (size_t n = 0; n < TELLING; n += 8)
        sum += word(start + n);
    return (long long)(sum & INT64_MAX);
}

/* One more of its kind: as `kinds.count_kind`. */
static void repeat(int64_t *known, long long time, Text payload) {
    const long long said = telling(payload), apart = time - known[LAST_TIME];
    known[COUNT] += said != known[LAST] || apart > SAME_PACKET || -apart > SAME_PACKET;
    known[LAST] = said;
    known[LAST_TIME] = time;
}

/* The number of a name, which is new perhaps: `rows.number_of`; -1 for an error. */
static long long numbered(const Kept *kept, PyObject *names, PyObject *name, Py_ssize_t length) {
    PyObject *known = PyDict_GetItemWithError(names, name);
    if (known || PyErr_Occurred())
        return known ? PyLong_AsLongLong(known) : -1;
    const Py_ssize_t count = PyDict_Size(names);
    if (count >= limit(kept, MOST_NAMES) || length > limit(kept, LONGEST_NAME))
        return UNKNOWN;
    PyObject *new = PyLong_FromSsize_t(count);
    const int failed = !new || PyDict_SetItem(names, name, new) < 0;
    Py_XDECREF(new);
    return failed ? -1 : count;
}

static long long numbered_sender(const Kept *kept, PyObject *fields) {
    PyObject *names = PyTuple_GetSlice(fields, NAMES, FIELDS);
    Py_ssize_t length = 0;
    for (Py_ssize_t n = 0, most = names ? PyTuple_Size(names) : 0; n < most; n++) {
        PyObject *name = PyTuple_GetItem(names, n);
        length += name == Py_None ? 0 : PyBytes_Size(name);
    }
    const long long found = names && !PyErr_Occurred() ? numbered(kept, kept->senders, names, length) : -1;
    Py_XDECREF(names);
    return found;
}

static long long numbered_called(const Kept *kept, PyObject *fields) {
    PyObject *user = PyTuple_GetItem(fields, CALLED);
    PyObject *called = user == Py_None ? PyBytes_FromStringAndSize("", 0) : Py_XNewRef(user);
    const long long found = called ? numbered(kept, kept->called, called, PyBytes_Size(called)) : -1;
    Py_XDECREF(called);
    return found;
}

static char *padded(char *at, PyObject *ip_and_port) {
    const Text text = text_of(ip_and_port);
    const size_t size = text.stop - text.at > IP_AND_PORT ? IP_AND_PORT : text.stop - text.at;
    memset(at, 0, IP_AND_PORT);
    memcpy(at, text.at, size);
    return at + IP_AND_PORT;
}

/* The row of a transaction that is new, between its ends `pair`; as the second half of `Fold._request`. */
static int add_row(const Kept *kept, PyObject *datagram, PyObject *head, int flags, int form, PyObject *fields,
                   PyObject *key, PyObject *pair, long long agent) {
    const int direction = direction_of(datagram);
    PyObject *source = PyTuple_GetItem(datagram, SOURCE), *ip = PyTuple_GetItem(pair, 0);
    if (count_one(kept->pairs, pair, limit(kept, MOST_PAIRS)) < 0 ||
        count_one(kept->received, PyTuple_GetItem(pair, 1), limit(kept, MOST_PAIRS)) < 0 ||
        (direction && count_one(kept->local, PyTuple_GetItem(pair, direction == 1), PY_SSIZE_T_MAX) < 0))
        return -1;
    const long long sender = numbered_sender(kept, fields);
    const long long called = sender < 0 ? -1 : numbered_called(kept, fields);
    const Text from = text_of(ip), to = text_of(PyTuple_GetItem(pair, 1));
    const Text parts[] = {field(fields, ID), field(fields, TAG), from, field(fields, URI)};
    const int64_t call = digest(4, parts);
    PyObject *offset = called < 0 ? NULL : PyObject_CallFunctionObjArgs(kept->append, head, NULL);
    PyObject *transport = PyDict_GetItemWithError(kept->transports, PyTuple_GetItem(datagram, TRANSPORT));
    const Py_ssize_t size = PyByteArray_Size(kept->rows);
    PyObject *row = offset ? PyLong_FromSsize_t(size / ROW) : NULL;
    if (row && !PyErr_Occurred() && PyByteArray_Resize(kept->rows, size + ROW) == 0) {
        char *at = PyByteArray_AsString(kept->rows) + size;
        at = little(at, PyLong_AsLongLong(PyTuple_GetItem(datagram, TIME)), 8);
        at = little(at, PyLong_AsLongLong(offset), 8);
        at = little(at, PyLong_AsLongLong(PyTuple_GetItem(datagram, FRAME)), 4);
        at = little(at, PyBytes_Size(head), 4);
        at = little(at, crc32_of(to, crc32_of(from, 0)), 4);
        at = little(at, transport ? PyLong_AsLong(transport) : 0, 1);
        at = little(at, flags | direction | (PyTuple_GetItem(datagram, CUT) == Py_True ? TRUNCATED : 0) |
                            (PyBytes_Size(ip) == 16 ? SIX : 0), 1);
        at = padded(padded(at, source), PyTuple_GetItem(datagram, DESTINATION));
        at = little(at, call, 8);
        at = little(at, form, 2);
        at = little(at, sender, 4);
        at = little(at, called, 4);
        little(at, agent, 4);
        PyDict_SetItem(kept->index, key, row);
    }
    Py_XDECREF(row);
    Py_XDECREF(offset);
    return PyErr_Occurred() ? -1 : 1;
}

/* The first request of a transaction, whose fields were read. */
static int add(const Kept *kept, PyObject *datagram, Text payload, int form, Py_ssize_t end, PyObject *fields) {
    PyObject *agent = PyTuple_GetItem(fields, AGENT), *key = NULL, *pair = NULL, *head = NULL;
    char record[TAGGED];
    const int shows = PyObject_IsInstance(datagram, kept->connected) == 1 ? tagged(kept, datagram, payload, CONNECTED, record) : 2;
    PyObject *number = agent ? PyDict_GetItemWithError(kept->user_agents, agent) : NULL;
    PyObject *credentials = number ? PyTuple_GetItem(PyList_GetItem(kept->forms, form), FORM_CREDENTIALS) : NULL;
    if (!shows || !credentials || PyTuple_Size(fields) != FIELDS || direction_of(datagram) < 0 ||
        PyObject_IsTrue(PyTuple_GetItem(fields, TO_TAG)) || !PyObject_IsTrue(PyTuple_GetItem(fields, ID)))
        return PyErr_Occurred() ? -1 : 0;
    const Text parts[] = {field(fields, ID), field(fields, NUMBER), field(fields, BRANCH)};
    PyObject *ends[] = {address(PyTuple_GetItem(datagram, SOURCE)), address(PyTuple_GetItem(datagram, DESTINATION))};
    int done = 0;
    if (!PyErr_Occurred() && (key = PyLong_FromLongLong(digest(3, parts))) && (pair = PyTuple_Pack(2, ends[0], ends[1])) &&
        (head = PyBytes_FromStringAndSize(payload.at, end)) && !PyDict_Contains(kept->index, key) &&
        asks(kept, datagram, ends[0], agent) > 0)
        done = add_row(kept, datagram, head, credentials == Py_True ? CREDENTIALS : 0, form, fields, key, pair,
                       PyLong_AsLongLong(number));
    if (done > 0 && shows == 1)
        done = keep_tag(kept, record);
    Py_XDECREF(head);
    Py_XDECREF(pair);
    Py_XDECREF(key);
    Py_XDECREF(ends[1]);
    Py_XDECREF(ends[0]);
    return PyErr_Occurred() ? -1 : done;
}

/* A grammar as `program.py` writes it. */
typedef struct { uint32_t count, sets, size, has; } Head;
typedef struct { const uint32_t *words; const unsigned char *sets; const char *texts; const char *stop; Text groups[FIELDS]; } Grammar;
enum { TEXT, SPAN, FIRST, REPEAT, UNLESS, AHEAD, GROUP };
enum { MATCHER_NUMBER, MATCHER_PROGRAM }; /* of a Matcher */

/* Where what the instructions from `word` to `stop` take ends; NULL where they take nothing. Nothing goes back. */
static const char *taken(Grammar *grammar, const uint32_t *word, const uint32_t *stop, const char *at) {
    while (at && word < stop) {
        const uint32_t kind = *word++, *block;
        const char *from = at, *next = at;
        if (kind == TEXT) {
            at = grammar->stop - at >= (ptrdiff_t)word[1] && !memcmp(at, grammar->texts + word[0], word[1]) ? at + word[1] : NULL;
            word += 2;
        } else if (kind == SPAN) {
            const unsigned char *set = grammar->sets + 256 * (size_t)word[0];
            const char *most = word[2] < grammar->stop - at ? at + word[2] : grammar->stop;
            while (at < most && set[(unsigned char)*at])
                at++;
            at = at - from >= (ptrdiff_t)word[1] ? at : NULL;
            word += 3;
        } else if (kind == FIRST) {
            const uint32_t *end = word + 1 + *word;
            for (block = word + 1, at = NULL; !at && block < end; block += 1 + *block)
                at = taken(grammar, block + 1, block + 1 + *block, from);
            word = end;
        } else if (kind == REPEAT) {
            uint32_t times = 0;
            for (block = word + 2; times < word[1] && (next = taken(grammar, block + 1, block + 1 + *block, at)) && next > at; times++)
                at = next;
            at = times >= word[0] || next == at ? at : NULL;
            word = block + 1 + *block;
        } else {
            block = word + (kind == GROUP);
            next = taken(grammar, block + 1, block + 1 + *block, at);
            if (kind == GROUP && next)
                grammar->groups[*word] = (Text){at, next};
            at = kind == GROUP ? next : (next != NULL) == (kind == AHEAD) ? at : NULL;
            word = block + 1 + *block;
        }
    }
    return at;
}

/* What a Matcher says of a request; NULL without an error where it takes nothing. */
static PyObject *read_by(PyObject *reader, Text payload) {
    static const char NONE[] = "";
    const Text program = text_of(PyTuple_GetItem(reader, MATCHER_PROGRAM));
    Grammar grammar = {.stop = payload.stop};
    Head head;
    if (PyErr_Occurred())
        return NULL;
    memcpy(&head, program.at, sizeof head);
    grammar.words = (const uint32_t *)(program.at + sizeof head);
    grammar.sets = (const unsigned char *)(grammar.words + head.count);
    grammar.texts = (const char *)(grammar.sets + 256 * (size_t)head.sets);
    for (int n = 0; n < FIELDS; n++)
        grammar.groups[n] = (Text){head.has >> n & 1 ? NULL : NONE, NONE};
    const char *end = taken(&grammar, grammar.words, grammar.words + head.count, payload.at);
    PyObject *fields = end ? PyTuple_New(FIELDS) : NULL;
    for (int n = 0; fields && n < FIELDS; n++) {
        PyObject *value = grammar.groups[n].at ? bytes(grammar.groups[n]) : Py_NewRef(Py_None);
        if (!value || PyTuple_SetItem(fields, n, value) < 0)
            Py_CLEAR(fields);
    }
    return fields ? Py_BuildValue("(OnN)", PyTuple_GetItem(reader, MATCHER_NUMBER), (Py_ssize_t)(end - payload.at), fields) : NULL;
}

/* As `Forms.read`, where a form is known that takes a request; else NULL, perhaps with an error. */
static PyObject *read_known(const Kept *kept, Text payload) {
    PyObject *readers = PyTuple_GetItem(kept->readers, find(payload.at, payload.stop, "uthorization:") != NULL), *found = NULL;
    for (Py_ssize_t n = 0; !found && !PyErr_Occurred() && n < PyList_Size(readers); n++) {
        PyObject *reader = Py_NewRef(PyList_GetItem(readers, n));
        found = read_by(reader, payload);
        if (found && n && (PySequence_DelItem(readers, n) < 0 || PyList_Insert(readers, 0, reader) < 0))
            Py_CLEAR(found);
        Py_DECREF(reader);
    }
    return found;
}

/* The same of one that nobody has read; then `*read` is what `Forms.read` says of it. */
static int read_and_add(const Kept *kept, PyObject *datagram, Text payload, PyObject **read) {
    *read = read_known(kept, payload);
    if (!*read && !PyErr_Occurred())
        *read = PyObject_CallFunctionObjArgs(kept->read, PyTuple_GetItem(datagram, PAYLOAD), NULL);
    int form;
    Py_ssize_t end;
    PyObject *fields;
    if (!*read || !PyArg_ParseTuple(*read, "inO!", &form, &end, &PyTuple_Type, &fields))
        return -1;
    return form && end >= 0 && end <= payload.stop - payload.at ? add(kept, datagram, payload, form, end, fields) : 0;
}

static char *append(char *at, const char *from, size_t size) { return (char *)memcpy(at, from, size) + size; }

/* The kind of messages between these two: `kinds.kind_of`. */
static PyObject *kind_of(PyObject *client, PyObject *server, Text what) {
    const Text one = text_of(client), two = text_of(server);
    const ptrdiff_t first = one.stop - one.at - 2, second = two.stop - two.at - 2, size = what.stop - what.at;
    char kind[1 + 2 * IP_AND_PORT + MOST_WHAT], *at = kind + 1;
    if (PyErr_Occurred() || first < 0 || second < 0 || first > IP_AND_PORT || second > IP_AND_PORT)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "a packed address ends with its port");
    *kind = (char)(first + second);
    at = append(append(append(at, one.at, first), two.at, second), what.at, size);
    return PyBytes_FromStringAndSize(kind, at - kind);
}

/* How many messages of a kind are looked at: `kinds.looks`. */
static int looks(Text kind) {
    if (kind.stop - kind.at < 4 || kind.stop[-4] != ' ' || kind.stop[-3] < '3' || kind.stop[-3] > '6')
        return 1;
    return !memcmp(kind.stop - 3, "401", 3) || !memcmp(kind.stop - 3, "407", 3) ? MOST_SEEN : MOST_LOOKS;
}

/* Keeps a message beside those of its kind, if it is of another sender; 0 where the sender is not spelt as usual. */
static int keep(PyObject *before, PyObject *datagram, Text payload) {
    Text sender = between(payload, "\nFrom: ", "\n");
    const char *tag = sender.at ? find(sender.at, sender.stop, ";tag=") : NULL;
    if (!sender.at || (sender.stop + 1 < payload.stop && (sender.stop[1] == ' ' || sender.stop[1] == '\t')))
        return 0;
    sender = stripped(sender);
    sender.stop = tag ? tag : sender.stop;
    for (Py_ssize_t n = 0; n < PyList_Size(before); n++) {
        const Text known = text_of(PyTuple_GetItem(PyList_GetItem(before, n), PAYLOAD));
        if (sender.at == sender.stop || find_bytes(known.at, known.stop, sender.at, sender.stop - sender.at))
            return 1;
    }
    return PyList_Append(before, datagram) < 0 ? -1 : 1;
}

/* The first message of its kind. */
static int begin(const Kept *kept, PyObject *kind, PyObject *datagram, Text payload) {
    const long long said = telling(payload), time = PyLong_AsLongLong(PyTuple_GetItem(datagram, TIME));
    const int64_t row[REPEATED] = {1, said, time, said, time, looks(text_of(kind)) - 1};
    PyObject *counted = PyObject_CallFunction(kept->array, "sy#", "q", (const char *)row, (Py_ssize_t)sizeof row);
    PyObject *first = PyDict_Size(kept->seen) < limit(kept, MOST_KINDS) ? Py_BuildValue("[O]", datagram) : NULL;
    if (counted && PyDict_SetItem(kept->others, kind, counted) == 0 && first)
        PyDict_SetItem(kept->seen, kind, first);
    Py_XDECREF(counted);
    Py_XDECREF(first);
    return PyErr_Occurred() ? -1 : 1;
}

/* One more of a kind: `kinds.count_kind`. */
static int count_kind(const Kept *kept, PyObject *kind, PyObject *datagram, Text payload) {
    PyObject *known = PyDict_GetItemWithError(kept->others, kind), *before;
    if (!known && (PyErr_Occurred() || PyDict_Size(kept->others) >= limit(kept, MOST_METHODS)))
        return PyErr_Occurred() ? -1 : 0;
    if (!known)
        return begin(kept, kind, datagram, payload);
    Py_buffer counted;
    if (PyObject_GetBuffer(known, &counted, PyBUF_WRITABLE) < 0)
        return -1;
    int64_t *row = counted.buf;
    int done = counted.len == REPEATED * sizeof *row;
    if (done && row[LOOKS] > 0) {
        if (!(before = PyDict_GetItemWithError(kept->seen, kind)))
            done = !PyErr_Occurred() && PyDict_Size(kept->seen) >= limit(kept, MOST_KINDS);
        else if (PyList_Size(before) < MOST_SEEN)
            done = keep(before, datagram, payload);
        row[LOOKS] -= done > 0;
    }
    if (done > 0)
        repeat(row, PyLong_AsLongLong(PyTuple_GetItem(datagram, TIME)), payload);
    PyBuffer_Release(&counted);
    return PyErr_Occurred() ? -1 : done;
}

/* Whether `count_kind` keeps a message as it is. */
static int is_whole(const Kept *kept, Text payload) {
    return payload.stop - payload.at <= limit(kept, LONGEST_SEEN) && *payload.at != '\r' && *payload.at != '\n';
}

/* The same of a message between these two. */
static int count_one_of(const Kept *kept, PyObject *client, PyObject *server, Text what, PyObject *datagram,
                        Text payload) {
    PyObject *kind = kind_of(client, server, what);
    const int done = kind ? count_kind(kept, kind, datagram, payload) : -1;
    Py_XDECREF(kind);
    return done;
}

/* A request outside of calls: `Fold._other`. */
static int other(const Kept *kept, PyObject *datagram, Text payload, Text method) {
    PyObject *source = PyTuple_GetItem(datagram, SOURCE), *ip = NULL, *agent = NULL;
    const int registers = starts(payload, "REGISTER "), asked = PySet_Contains(kept->asked, source);
    const ptrdiff_t size = method.stop - method.at;
    int done = asked;
    char what[MOST_WHAT];
    if (asked < 0 || size >= MOST_WHAT || !is_whole(kept, payload))
        return asked < 0 ? -1 : 0;
    char *end = append(what, method.at, size);
    if (has_credentials(payload))
        *end++ = '+';
    if (registers || !asked) {
        const Text spoken = agent_of(payload);
        agent = spoken.at ? bytes(spoken) : NULL;
        const int may_register =
            registers && agent && PyDict_Size(kept->registrations) < limit(kept, MOST_REGISTRATIONS) &&
            (find(payload.at, payload.stop, ";line=") ||
             PyDict_GetItemWithError(kept->is_asterisk, agent) != Py_False);
        done = agent && !may_register;
    }
    if (done && !asked)
        done = (ip = address(source)) ? asks(kept, datagram, ip, agent) : -1;
    if (done > 0)
        done = count_one_of(kept, source, PyTuple_GetItem(datagram, DESTINATION), (Text){what, end}, datagram, payload);
    Py_XDECREF(agent);
    Py_XDECREF(ip);
    return PyErr_Occurred() ? -1 : done;
}

/* As `fold.IN_DIALOG`. */
static int is_in_dialog(Text method) {
    static const char *const names[] = {"BYE", "PRACK", "CANCEL", "UPDATE", "INFO", "ACK"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        if (starts(method, names[n]) && (size_t)(method.stop - method.at) == strlen(names[n]))
            return 1;
    return 0;
}

/* An answer to such a request: `Fold._reply`. */
static int reply(const Kept *kept, PyObject *datagram, Text payload, Text sequence) {
    while (sequence.at < sequence.stop && sequence.stop[-1] == '\r')
        sequence.stop--;
    Text method = {sequence.stop, sequence.stop};
    while (method.at > sequence.at && method.at[-1] != ' ')
        method.at--;
    const ptrdiff_t size = method.stop - method.at;
    char what[MOST_WHAT];
    if (is_in_dialog(method) && (payload.stop - payload.at < 11 || memcmp(payload.at + 8, "481", 3))) /* fold.GONE */
        return 1;
    if (method.at == sequence.at || !size || size + 4 > MOST_WHAT || payload.stop - payload.at < 11 || !is_whole(kept, payload))
        return 0;
    for (int n = 8; n < 11; n++)
        if (payload.at[n] < '0' || payload.at[n] > '9')
            return 0;
    char *end = append(append(append(what, method.at, size), " ", 1), payload.at + 8, 3);
    return count_one_of(kept, PyTuple_GetItem(datagram, DESTINATION), PyTuple_GetItem(datagram, SOURCE),
                        (Text){what, end}, datagram, payload);
}

static int response(const Kept *kept, PyObject *datagram, Text payload) {
    const int known = PySet_Contains(kept->answering, PyTuple_GetItem(datagram, SOURCE));
    const Text sequence = between(payload, "\nCSeq: ", "\n");
    if (known <= 0 || !sequence.at)
        return known < 0 ? -1 : 0;
    return is_tracked(sequence) ? answer(kept, datagram, payload, sequence) : reply(kept, datagram, payload, sequence);
}

static int request(const Kept *kept, PyObject *datagram, Text payload, PyObject **read, long long *counts) {
    const Text spelt = {payload.at, find(payload.at, payload.stop, " ")};
    int done = 0;
    if (starts(payload, "INVITE ")) {
        done = read_and_add(kept, datagram, payload, read);
        counts[REQUESTS] += done > 0;
    } else if (starts(payload, "ACK ")) {
        done = acked(kept, datagram, payload);
    } else if (spelt.stop && !(done = is_in_dialog(spelt)))
        done = other(kept, datagram, payload, spelt);
    return PyErr_Occurred() ? -1 : done;
}

static int read_kept(PyObject *tuple, Kept *kept) {
    if (PyTuple_Size(tuple) != KEPT) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "these are not the tables of a fold");
        return 0;
    }
    for (int n = 0; n < KEPT; n++)
        ((PyObject **)kept)[n] = PyTuple_GetItem(tuple, n);
    if (!PyTuple_Check(kept->limits) || PyTuple_Size(kept->limits) != LIMITS)
        PyErr_SetString(PyExc_ValueError, "these are not the limits of a fold");
    for (int n = 0; n < LIMITS && !PyErr_Occurred(); n++)
        kept->most[n] = PyLong_AsLongLong(PyTuple_GetItem(kept->limits, n));
    if (!PyErr_Occurred() && !(PyObject_TypeCheck(kept->rows, &PyByteArray_Type) && PyObject_TypeCheck(kept->tags, &PyByteArray_Type)))
        PyErr_SetString(PyExc_TypeError, "rows and tags are bytearrays");
    return !PyErr_Occurred();
}

/* Whether a carrier tells it: its direction is neither "", "in" nor "out". */
static int is_told(PyObject *datagram) {
    PyObject *direction = PyTuple_GetItem(datagram, DIRECTION);
    return !direction || !PyUnicode_Check(direction) || PyUnicode_GetLength(direction) > 3;
}

/* The next message that `Fold` has to fold and what `Forms.read` says of it, None where it was not asked. */
static PyObject *next_of(const Kept *kept, PyObject *datagrams, long long *counts) {
    PyObject *datagram, *found = NULL;
    while (!found && !PyErr_Occurred() && (datagram = PyIter_Next(datagrams))) {
        PyObject *object = PyTuple_GetItem(datagram, CUT) ? PyTuple_GetItem(datagram, PAYLOAD) : NULL, *read = NULL;
        const Text payload = object ? text_of(object) : (Text){NULL, NULL};
        const long long time = object ? PyLong_AsLongLong(PyTuple_GetItem(datagram, TIME)) : 0;
        const int answers = !PyErr_Occurred() && starts(payload, "SIP/2.0 ");
        const int done = PyErr_Occurred() ? -1 : is_told(datagram) ? 0
                         : answers ? response(kept, datagram, payload) : request(kept, datagram, payload, &read, counts);
        counts[MESSAGES] += done > 0;
        counts[RESPONSES] += done > 0 && answers;
        if (done > 0 && time > counts[END])
            counts[END] = time;
        if (!done)
            found = PyTuple_Pack(2, datagram, read ? read : Py_None);
        Py_XDECREF(read);
        Py_DECREF(datagram);
    }
    return found || PyErr_Occurred() ? found : Py_NewRef(Py_None);
}

static PyObject *following(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *datagrams, *tuple, *result = NULL;
    Py_buffer counts;
    Kept kept;
    if (!PyArg_ParseTuple(arguments, "OO!w*", &datagrams, &PyTuple_Type, &tuple, &counts))
        return NULL;
    if (!PyIter_Check(datagrams) || counts.len != COUNTS * sizeof(long long))
        PyErr_SetString(PyExc_ValueError, "an iterator of messages and their counts are wanted");
    else if (read_kept(tuple, &kept))
        result = next_of(&kept, datagrams, counts.buf);
    PyBuffer_Release(&counts);
    return result;
}

static PyMethodDef methods[] = {{"following", following, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_fold", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fold(void) {
    return PyModule_Create(&definition);
}
