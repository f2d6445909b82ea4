/* What most SIP messages add to a fold, at the speed of memory.

   Law: what is folded here, `Fold.add` folds as well, with the same result; each message of which that is not certain is
   left to it, before anything is changed. `find` is Python's `bytes.find`. */

#include "../../capture/fast/limited_api.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../capture/fast/taker.h"

#ifdef __GNUC__ /* has the processor fetch what is wanted soon, while there is other work */
#define PREFETCH __builtin_prefetch
#else
#define PREFETCH(at) ((void)(at))
#endif

enum { IP_AND_PORT = 18, ROW = 104, ANSWER = 10, TAGGED = 30, MOST_WHAT = 64, BUFFER = 1 << 18 };
enum { WITH_DELAY = 503, FINAL = 200, MOST_FINAL = 699, ACKED = 0, CONNECTED = 1 }; /* a 503 may say when to try again: `Fold._answer` keeps that */
enum { TRUNCATED = 4, CREDENTIALS = 8, SIX = 16 }; /* as in `rows.py` */
enum { ID, NUMBER, BRANCH, TO_TAG, TAG, URI, CALLED, AGENT, NAMES, FIELDS = 12 }; /* header_syntax.PARSED_FIELDS */
enum { FORM_CREDENTIALS = 2 }; /* of a Form */
enum { COUNT, LAST, LAST_TIME, FIRST_SAID, FIRST_TIME, LOOKS, REPEATED }; /* of a Repeated */
enum { MESSAGES, RESPONSES, REQUESTS, END, COUNTS };
static const uint32_t UNKNOWN = 0xFFFFFFFF;

/* Borrowed from the tuple that `Fold` hands over. */
typedef struct {
    PyObject *rows, *senders, *called, *user_agents, *index, *answers, *realms, *others, *seen, *agents, *requesters;
    PyObject *answerers, *strays, *pairs, *received, *local, *answering, *asked, *is_asterisk, *known_realms;
    PyObject *registrations, *tags, *transports, *datagram, *connected, *array, *readers, *forms, *append, *law, *limits;
} Kept;
enum { KEPT = sizeof(Kept) / sizeof(PyObject *) };
enum { MOST_PEERS, MOST_PAIRS, MOST_NAMES, LONGEST_NAME, MOST_ANSWERS, MOST_REGISTRATIONS, MOST_METHODS, MOST_KINDS, LONGEST_SEEN, MOST_TAGS, LIMITS }; /* limits */
enum { SAME_PACKET = 50000000, TELLING = 256 }; /* as in `rows.py` and `kinds.py` */
enum { MOST_SEEN = 4, MOST_LOOKS = 8 };

/* What is known of those who send from one address to another, for the next message: it is in the tables of the fold as
   well. What most messages need comes first, in two lines of the processor's cache. */
enum { PORTS = 4, KINDS = 6, KNOWN_KINDS = 16, SHORT = 16, KNOWN_AGENTS = 32 };
typedef struct {
    char size, ips[2][16], unused[7]; /* of an address, and both: the key */
    uint16_t ports[2][PORTS];         /* ports of the source that are known to ask, and to answer */
    uint8_t next, agent, kinds[KINDS]; /* the last agent and kinds, by their numbers from 1 on */
    int64_t *rows[KINDS];             /* what is counted of these kinds */
    PyObject *reader;                 /* the Matcher that took the last request, if it is still one of them */
    PyObject *ip[2], *pair;           /* the addresses as objects, where they were wanted */
    long long agent_since[2];         /* the time from which the agent is kept as one that asks, and that answers */
} Way;
enum { ASKS, ANSWERS };

/* A name by its parts with their lengths, and its number plus 1, which is UNKNOWN for good where it is that once. */
enum { LONGEST_KNOWN = 56 };
typedef struct { char text[LONGEST_KNOWN]; uint64_t number; } Name;

/* What is known, each beginning with the `key` bytes by which it is found: in the order in which it was met, so that it
   lies close together. A slot holds the upper half of a hash and a number from 1 on. All is forgotten where there are
   `mask` / 2 of them, and where somebody chose keys whose slots are the same. */
enum { MOST_TRIED = 64 };
typedef struct { size_t key, size; uint32_t mask, count, *slots; char *at; } Memo;

typedef struct {
    Taker taker;
    PyObject *tuple;
    Kept kept;
    long long most[LIMITS], counts[COUNTS];
    Memo ways, names;
    char kinds[KNOWN_KINDS][SHORT]; /* what the first kinds are */
    PyObject *agents[KNOWN_AGENTS]; /* agents, and whether they are Asterisk's */
    int are_asterisk[KNOWN_AGENTS];
    char *heads;                 /* `held` bytes that go to the spool, there from `offset` on */
    size_t held;
    long long offset;
} Fold;

/* A message that is looked at; `next` is the line up to which its lines were noted, by their names. */
enum { VIA, FROM, TO, CALL_ID, CSEQ, USER_AGENT, SERVER, AUTHORIZATION, RETRY_AFTER, LINES };
typedef struct {
    Fold *fold;
    const Message *message;
    char key[offsetof(Way, ports)];
    uint64_t hash;               /* of the key */
    Way *way;                    /* NULL until it is asked for */
    Text payload;
    int direction;               /* as in `rows.DIRECTIONS` */
    const char *next, *lines[LINES];
} Look;

static int is_blank(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

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

/* What stands from `at` to the next `after`; without one of them `at` is NULL. */
static Text up_to(const char *at, const char *stop, char after) {
    const char *end = at ? memchr(at, after, stop - at) : NULL;
    return (Text){end ? at : NULL, end};
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

/* Notes a line that is one of LINES and the first of its name. */
static void note(Look *look, const char *at) {
    static const char *const names[] = {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: ", "User-Agent: ", "Server: "};
    const char *stop = look->payload.stop;
    int line = *at == 'V' ? VIA : *at == 'F' ? FROM : *at == 'T' ? TO : *at == 'U' ? USER_AGENT : *at == 'S' ? SERVER : LINES;
    if (*at == 'C')
        line = stop - at > 1 && at[1] == 'S' ? CSEQ : CALL_ID;
    if (line < LINES && !look->lines[line] && starts((Text){at, stop}, names[line]))
        look->lines[line] = at + strlen(names[line]);
    else if (is_letter(*at, 'a') ? is_header(at, stop, "authorization") : is_letter(*at, 'p') && is_header(at, stop, "proxy-authorization"))
        look->lines[AUTHORIZATION] = at;
    else if (*at == 'R' || *at == 'r' || (is_blank(*at) && stop - at > 1 && at[1] != '\n'))
        look->lines[RETRY_AFTER] = at;
}

/* Where the value of the first line of a name begins, NULL without one. AUTHORIZATION: as `heads.has_credentials`;
   RETRY_AFTER: a line that may be it. */
static const char *line(Look *look, int which) {
    while (!look->lines[which] && look->next && (look->next = memchr(look->next, '\n', look->payload.stop - look->next)))
        if (++look->next < look->payload.stop)
            note(look, look->next);
    return look->lines[which];
}

static Text value(Look *look, int which) { return up_to(line(look, which), look->payload.stop, '\n'); }

static Text stripped(Text text) {
    while (text.at < text.stop && is_blank(*text.at))
        text.at++;
    while (text.at < text.stop && is_blank(text.stop[-1]))
        text.stop--;
    return text;
}

static int is_empty(Text text) { return !text.at || text.at == text.stop; }

/* None being empty. */
static Text given(Text text) { return text.at ? text : (Text){"", ""}; }

static PyObject *bytes(Text text) { return PyBytes_FromStringAndSize(text.at, text.stop - text.at); }

static Text text_of(PyObject *object) {
    char *at = NULL;
    Py_ssize_t size = 0;
    PyBytes_AsStringAndSize(object, &at, &size);
    return (Text){at, at + size};
}

static int is_text(PyObject *object, Text text) {
    const Text known = text_of(object);
    return known.stop - known.at == text.stop - text.at && !memcmp(known.at, text.at, text.stop - text.at);
}

static char *little(char *at, uint64_t value, int size) {
    for (; size--; value >>= 8)
        *at++ = (char)value;
    return at;
}

static char *append(char *at, Text text) {
    const size_t size = text.stop - text.at;
    return (char *)memcpy(at, text.at, size) + size;
}

/* Eight bytes, the lowest first. */
static inline uint64_t word(const char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
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
#pragma GCC unroll 12
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
    static const uint32_t table[] = {0, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t sum = ~before;
    for (; text.at < text.stop; text.at++) {
        sum ^= (unsigned char)*text.at;
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

static int make(Memo *memo, size_t key, size_t size, uint32_t slots) {
    *memo = (Memo){key, size, slots - 1, 0, calloc(slots, sizeof *memo->slots), malloc(slots / 2 * size)};
    return memo->slots && memo->at;
}

static uint64_t hash_of(const Memo *memo, const char *key) {
    uint64_t hash = 0;
    for (size_t n = 0; n < memo->key; n += 8)
        hash = (hash ^ word(key + n)) * 0x9E3779B97F4A7C15, hash ^= hash >> 32;
    return hash;
}

/* What has that key; NULL where there is no room for it. Behind the key there are zeros where it is new. */
static void *known_by(Memo *memo, const char *key, uint64_t hash) {
    const uint32_t tag = (uint32_t)(hash >> 32) & 0xFFFF0000;
    uint32_t at = hash & memo->mask, tried = 0, slot;
    for (; (slot = memo->slots[at]) && tried < MOST_TRIED; at = (at + 1) & memo->mask, tried++) {
        char *known = memo->at + ((slot & 0xFFFF) - 1) * memo->size;
        if ((slot ^ tag) <= 0xFFFF && !memcmp(known, key, memo->key))
            return known;
    }
    if (memo->count > memo->mask / 2 || tried == MOST_TRIED)
        return NULL;
    memo->slots[at] = tag | ++memo->count;
    char *added = memo->at + (memo->count - 1) * memo->size; /* only what is used is cleared: there is a table for each small file */
    memset(added + memo->key, 0, memo->size - memo->key);
    return memcpy(added, key, memo->key);
}

static void forget(Memo *memo) {
    memset(memo->slots, 0, (memo->mask + 1) * sizeof *memo->slots);
    memo->count = 0;
}

static void forget_ways(Fold *fold) {
    for (Way *way = (Way *)fold->ways.at; way < (Way *)fold->ways.at + fold->ways.count; way++) {
        Py_XDECREF(way->ip[0]);
        Py_XDECREF(way->ip[1]);
        Py_XDECREF(way->pair);
    }
    for (int n = 0; n < KNOWN_AGENTS; n++)
        Py_CLEAR(fold->agents[n]);
    if (fold->ways.count)
        forget(&fold->ways);
}

static Way *way_of(Look *look) {
    Memo *ways = &look->fold->ways;
    if (!look->way && !(look->way = known_by(ways, look->key, look->hash))) {
        forget_ways(look->fold);
        look->way = known_by(ways, look->key, look->hash);
    }
    return look->way;
}

/* One of both addresses; NULL for an error. */
static PyObject *ip_of(Way *way, int which) {
    if (!way->ip[which])
        way->ip[which] = PyBytes_FromStringAndSize(way->ips[which], way->size);
    return way->ip[which];
}

static PyObject *pair_of(Way *way) {
    if (!way->pair && ip_of(way, SOURCE) && ip_of(way, DESTINATION))
        way->pair = PyTuple_Pack(2, way->ip[SOURCE], way->ip[DESTINATION]);
    return way->pair;
}

/* Whether the source of a message is in the set of those that ask, or that answer. */
static int is_known(Look *look, int which) {
    Way *way = way_of(look);
    const unsigned char *at = (const unsigned char *)look->message->port[SOURCE];
    const uint16_t port = (uint16_t)(at[0] << 8 | at[1]);
    for (int n = 0; n < PORTS && port; n++)
        if (way->ports[which][n] == port)
            return 1;
    PyObject *source = end_of(look->message, SOURCE);
    const int known = source ? PySet_Contains(which == ASKS ? look->fold->kept.asked : look->fold->kept.answering, source) : -1;
    Py_XDECREF(source);
    if (known > 0)
        way->ports[which][way->next++ % PORTS] = port;
    return known;
}

/* Whether an agent is Asterisk's, which is the agent of the way then; 2 where nobody knows yet. */
static int is_asterisk(Look *look, Text agent) {
    Fold *fold = look->fold;
    Way *way = way_of(look);
    int n = way->agent - 1;
    if (n >= 0 && is_text(fold->agents[n], agent))
        return fold->are_asterisk[n];
    for (n = 0; n < KNOWN_AGENTS && fold->agents[n] && !is_text(fold->agents[n], agent);)
        n++;
    if (n == KNOWN_AGENTS) {
        forget_ways(fold);
        look->way = NULL;
        way = way_of(look);
        n = 0;
    }
    if (!fold->agents[n]) {
        PyObject *object = bytes(agent), *known = object ? PyDict_GetItemWithError(fold->kept.is_asterisk, object) : NULL;
        if (!known) {
            Py_XDECREF(object);
            return PyErr_Occurred() ? -1 : 2;
        }
        fold->agents[n] = object;
        fold->are_asterisk[n] = known == Py_True;
    }
    way->agent = (uint8_t)(n + 1);
    way->agent_since[ASKS] = way->agent_since[ANSWERS] = INT64_MAX;
    return fold->are_asterisk[n];
}

/* dictionary[source, agent of the way] = the earliest of its times. */
static int keep_first(Look *look, int which) {
    Way *way = way_of(look);
    if (way->agent_since[which] <= look->message->time)
        return 1;
    PyObject *dictionary = which == ASKS ? look->fold->kept.requesters : look->fold->kept.agents;
    PyObject *key = ip_of(way, SOURCE) ? PyTuple_Pack(2, way->ip[SOURCE], look->fold->agents[way->agent - 1]) : NULL;
    PyObject *first = key ? PyDict_GetItemWithError(dictionary, key) : NULL;
    PyObject *time = PyErr_Occurred() ? NULL : PyLong_FromLongLong(look->message->time);
    if (time && !(first && PyLong_AsLongLong(first) <= look->message->time))
        PyDict_SetItem(dictionary, key, time);
    way->agent_since[which] = look->message->time;
    Py_XDECREF(time);
    Py_XDECREF(key);
    return PyErr_Occurred() ? -1 : 1;
}

/* dictionary[key] += 1, where the key is there or there is room for it. */
static int count_one(PyObject *dictionary, PyObject *key, long long most) {
    PyObject *known = key ? PyDict_GetItemWithError(dictionary, key) : NULL;
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

/* `old` answers, or none, with one more: `add_answer`; NULL without an error where it is not simply the latest. */
static PyObject *grown(const Fold *fold, PyObject *old, int status, long long time) {
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
        if (!other) { /* a final answer that is sent again is counted */
            uint64_t begun = 0;
            for (int n = 2; n < ANSWER; n++)
                begun = begun << 8 | (unsigned char)at[n];
            return order > 0 || (status >= FINAL && time - (long long)begun > SAME_PACKET) ? NULL : Py_NewRef(old);
        }
        if (order > 0 || (!order && other > 0))
            return NULL;
    }
    if ((known.stop - known.at) / ANSWER >= fold->most[MOST_ANSWERS])
        return NULL;
    PyObject *added = PyBytes_FromStringAndSize(NULL, known.stop - known.at + ANSWER);
    if (added) {
        char *at = PyBytes_AsString(added);
        memcpy(at, known.at, known.stop - known.at);
        memcpy(at + (known.stop - known.at), packed, ANSWER);
    }
    return added;
}

/* What an agent is called: `heads.agent_of`, or `server_of` and that where it is empty; NULL where it has no end. */
static Text agent_of(Look *look, int which) {
    const char *at = line(look, which);
    const Text agent = at ? up_to(at, look->payload.stop, '\r') : (Text){"", ""};
    return which == SERVER && agent.at && is_empty(agent) ? agent_of(look, USER_AGENT) : agent;
}

/* The first answer of a transaction: whose agent answered, and for whom. As `_answers_as` and what follows it. */
static int first_answer(Look *look, PyObject *key) {
    const Kept *kept = &look->fold->kept;
    const Text agent = agent_of(look, SERVER);
    const int known = agent.at ? is_asterisk(look, agent) : 2;
    if (known != 1)
        return known == 2 ? 0 : known == 0 ? 1 : -1;
    if (keep_first(look, ANSWERS) < 0)
        return -1;
    PyObject *ip = ip_of(way_of(look), SOURCE);
    const int here = ip ? PyDict_Contains(kept->index, key) : -1;
    const int failed = here < 0 || (here ? count_one(kept->answerers, ip, PY_SSIZE_T_MAX) : PyDict_SetItem(kept->strays, key, ip));
    return failed ? -1 : 1;
}

/* The realm of a challenge that is known, empty without one; NULL without an error for a new one. */
static PyObject *realm_of(const Look *look) {
    const char *at = find(look->payload.at, look->payload.stop, "realm=\"");
    const Text text = at ? up_to(at + strlen("realm=\""), look->payload.stop, '"') : (Text){"", ""};
    PyObject *realm = text.at ? bytes(text) : NULL;
    PyObject *known = realm ? PyDict_GetItemWithError(look->fold->kept.known_realms, realm) : NULL;
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

static PyObject *key_of_answer(Look *look, Text sequence) {
    const Text id = value(look, CALL_ID), payload = look->payload;
    const char *via = line(look, VIA);
    Text branch = {find(via ? via : payload.at, payload.stop, ";branch="), payload.stop};
    if (!id.at || !branch.at)
        return NULL;
    branch.at += strlen(";branch=");
    for (branch.stop = branch.at; branch.stop < payload.stop; branch.stop++)
        if (*branch.stop == ';' || *branch.stop == ',' || is_blank(*branch.stop))
            break;
    const Text parts[] = {stripped(id), up_to(sequence.at, sequence.stop, ' '), branch};
    return PyLong_FromLongLong(digest(3, parts));
}

/* What the capture says of the direction, as `rows.DIRECTIONS`; -1 for none that is known. */
static int direction_of(const Message *message) {
    static const char *const names[] = {"", "in", "out"};
    for (int n = 0; n < 3; n++)
        if (!PyUnicode_CompareWithASCIIString(message->direction, names[n]))
            return n;
    return -1;
}

/* Whether a value goes on in the next line, or is not there. */
static int is_odd(const Look *look, Text value) {
    return !value.at || (value.stop + 1 < look->payload.stop && (value.stop[1] == ' ' || value.stop[1] == '\t'));
}

/* Writes what a message shows of who receives what is sent to him, `heads.tagged`: then 1, 0 where it is not spelt as
   usual, and 2 where it shows nothing. */
static int tagged(Look *look, int what, char *record) {
    const int answers = what > CONNECTED;
    const char *method = what == ACKED ? "ACK" : "INVITE";
    if (look->direction == (answers ? 1 : 2) || PyByteArray_Size(look->fold->kept.tags) >= look->fold->most[MOST_TAGS])
        return 2;
    const Text id = value(look, CALL_ID), to = value(look, TO);
    Text number = value(look, CSEQ), tag;
    if (!id.at || is_odd(look, to) || is_odd(look, number))
        return 0;
    number = stripped(number);
    tag = stripped(to);
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
    const Text parts[] = {look->message->ip[answers ? DESTINATION : SOURCE], stripped(id)};
    const uint32_t sum = crc32_of(tag, 0);
    const Blake blake = blake_of(2, parts, 16);
    record = little(little(little(record, blake.state[0], 8), blake.state[1], 8), crc32_of(number, 0), 4);
    little(little(little(record, sum ? sum : 1, 4), what, 2), crc32_of(look->message->ip[answers ? SOURCE : DESTINATION], 0), 4);
    return 1;
}

static int keep_tag(const Look *look, const char *record) {
    PyObject *tags = look->fold->kept.tags;
    const Py_ssize_t size = PyByteArray_Size(tags);
    if (PyByteArray_Resize(tags, size + TAGGED) < 0)
        return -1;
    memcpy(PyByteArray_AsString(tags) + size, record, TAGGED);
    return 1;
}

/* An ACK. */
static int acked(Look *look) {
    char record[TAGGED];
    const int shows = tagged(look, ACKED, record);
    return shows == 1 ? keep_tag(look, record) : shows;
}

/* The answers of a transaction: `Fold._answer`. */
static int answer(Look *look, int status, Text sequence) {
    const Kept *kept = &look->fold->kept;
    char record[TAGGED];
    const int shows = status < FINAL || status > MOST_FINAL ? 2 : tagged(look, status, record);
    if (!shows || (status == WITH_DELAY && line(look, RETRY_AFTER)))
        return 0;
    PyObject *key = key_of_answer(look, sequence);
    PyObject *old = key ? PyDict_GetItemWithError(kept->answers, key) : NULL;
    PyObject *now = key && !PyErr_Occurred() ? grown(look->fold, old, status, look->message->time) : NULL, *realm = NULL;
    int done = now != NULL;
    if (now && (status == 401 || status == 407)) {
        const int has = PyDict_Contains(kept->realms, key);
        realm = has ? NULL : realm_of(look);
        done = has > 0 || realm;
    }
    if (done && !old)
        done = first_answer(look, key);
    if (done > 0 && !(realm && PyDict_SetItem(kept->realms, key, realm) < 0))
        done = PyDict_SetItem(kept->answers, key, now) < 0 ? -1 : shows == 1 ? keep_tag(look, record) : 1;
    Py_XDECREF(now);
    Py_XDECREF(key);
    return PyErr_Occurred() ? -1 : done;
}

/* Keeps the agent of the first request of a source when it is Asterisk's: `_asks_as`; 0 for an agent nobody knows yet. */
static int asks(Look *look, Text agent) {
    const int known = is_known(look, ASKS), asterisk = known ? 0 : is_asterisk(look, agent);
    if (known)
        return known;
    if (asterisk < 0 || asterisk > 1)
        return asterisk < 0 ? -1 : 0;
    PyObject *asked = look->fold->kept.asked;
    PyObject *source = PySet_Size(asked) < look->fold->most[MOST_PEERS] ? end_of(look->message, SOURCE) : NULL;
    if (source)
        PySet_Add(asked, source);
    Py_XDECREF(source);
    return PyErr_Occurred() ? -1 : asterisk ? keep_first(look, ASKS) : 1;
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
static void repeat(int64_t *known, long long time, long long said) {
    const long long apart = time - known[LAST_TIME];
    known[COUNT] += said != known[LAST] || apart > SAME_PACKET || -apart > SAME_PACKET;
    known[LAST] = said;
    known[LAST_TIME] = time;
}

/* The number of a name of one part, or of a tuple of several, which is new perhaps: `rows.number_of`; -1 for an error. */
static long long number_of(Fold *fold, PyObject *names, int count, const Text *parts) {
    Py_ssize_t length = 0;
    Name *known = NULL;
    char text[LONGEST_KNOWN] = {(char)count}, *at = text + 1;
    for (int n = 0; n < count; n++)
        length += parts[n].at ? parts[n].stop - parts[n].at : 0;
    if (1 + 2 * count + length <= LONGEST_KNOWN) {
        for (int n = 0; n < count; n++)
            at = append(little(at, parts[n].at ? parts[n].stop - parts[n].at : 0xFFFF, 2), given(parts[n]));
        if (!(known = known_by(&fold->names, text, hash_of(&fold->names, text))))
            forget(&fold->names);
        else if (known->number)
            return known->number - 1;
    }
    PyObject *name = count == 1 ? bytes(*parts) : PyTuple_New(count);
    for (int n = 0; name && count > 1 && n < count; n++) {
        PyObject *part = parts[n].at ? bytes(parts[n]) : Py_NewRef(Py_None);
        if (!part || PyTuple_SetItem(name, n, part) < 0)
            Py_CLEAR(name);
    }
    PyObject *old = name ? PyDict_GetItemWithError(names, name) : NULL;
    const Py_ssize_t has = PyDict_Size(names);
    long long number = old ? PyLong_AsLongLong(old) : UNKNOWN;
    if (!old && name && !PyErr_Occurred() && has < fold->most[MOST_NAMES] && length <= fold->most[LONGEST_NAME]) {
        PyObject *new = PyLong_FromSsize_t(has);
        if (new && PyDict_SetItem(names, name, new) == 0)
            number = has;
        Py_XDECREF(new);
    }
    if (known)
        known->number = number + 1;
    Py_XDECREF(name);
    return PyErr_Occurred() ? -1 : number;
}

/* Hands the heads that wait to the spool. */
static int flush(Fold *fold) {
    PyObject *heads = fold->held ? PyMemoryView_FromMemory(fold->heads, fold->held, PyBUF_READ) : NULL;
    PyObject *offset = heads ? PyObject_CallFunctionObjArgs(fold->kept.append, heads, NULL) : NULL;
    Py_XDECREF(offset);
    Py_XDECREF(heads);
    fold->held = 0;
    return PyErr_Occurred() ? -1 : 0;
}

/* Keeps a head for the spool, and says at which offset; -1 for an error. */
static long long keep_head(Fold *fold, Text head) {
    if (fold->held + (head.stop - head.at) > BUFFER && flush(fold) < 0)
        return -1;
    if (!fold->held) {
        PyObject *offset = PyObject_CallFunction(fold->kept.append, "y", "");
        fold->offset = offset ? PyLong_AsLongLong(offset) : -1;
        Py_XDECREF(offset);
    }
    const long long at = fold->offset + fold->held;
    fold->held = append(fold->heads + fold->held, head) - fold->heads;
    return PyErr_Occurred() ? -1 : at;
}

/* The row of a transaction that is new; as the second half of `Fold._request`. */
static int add_row(Look *look, PyObject *key, Text head, int flags, int form, const Text *fields, uint64_t agent) {
    Fold *fold = look->fold;
    const Kept *kept = &fold->kept;
    const Message *message = look->message;
    Way *way = way_of(look);
    PyObject *pair = pair_of(way);
    if (!pair || count_one(kept->pairs, pair, fold->most[MOST_PAIRS]) < 0 ||
        count_one(kept->received, way->ip[DESTINATION], fold->most[MOST_PAIRS]) < 0 ||
        (look->direction && count_one(kept->local, way->ip[look->direction == 1], PY_SSIZE_T_MAX) < 0))
        return -1;
    const Text from = message->ip[SOURCE], to = message->ip[DESTINATION], user = given(fields[CALLED]);
    const Text of_call[] = {fields[ID], given(fields[TAG]), from, given(fields[URI])}, acknowledged[] = {from, fields[ID]};
    const Blake wide = blake_of(2, acknowledged, 16);
    const long long sender = number_of(fold, kept->senders, FIELDS - NAMES, fields + NAMES);
    const long long called = sender < 0 ? -1 : number_of(fold, kept->called, 1, &user);
    const long long offset = called < 0 ? -1 : keep_head(fold, head);
    PyObject *transport = offset < 0 ? NULL : PyDict_GetItemWithError(kept->transports, message->transport);
    const Py_ssize_t size = PyByteArray_Size(kept->rows);
    PyObject *row = PyErr_Occurred() ? NULL : PyLong_FromSsize_t(size / ROW);
    if (row && PyByteArray_Resize(kept->rows, size + ROW) == 0) {
        char *at = PyByteArray_AsString(kept->rows) + size;
        at = little(at, message->time, 8);
        at = little(at, offset, 8);
        at = little(at, message->frame, 4);
        at = little(at, head.stop - head.at, 4);
        at = little(at, crc32_of(to, crc32_of(from, 0)), 4);
        at = little(at, transport ? PyLong_AsLong(transport) : 0, 1);
        at = little(at, flags | look->direction | (message->truncated ? TRUNCATED : 0) | (way->size == 16 ? SIX : 0), 1);
        memset(at, 0, 2 * IP_AND_PORT);
        for (int n = 0; n < 2; n++, at += IP_AND_PORT)
            memcpy(append(at, message->ip[n]), message->port[n], 2);
        at = little(at, digest(4, of_call), 8);
        at = little(at, form, 2);
        at = little(at, sender, 4);
        at = little(at, called, 4);
        at = little(at, agent, 4);
        little(little(at, wide.state[0], 8), wide.state[1], 8);
        PyDict_SetItem(kept->index, key, row);
    }
    Py_XDECREF(row);
    return PyErr_Occurred() ? -1 : 1;
}

/* The first request of a transaction, whose fields were read. */
static int add(Look *look, int form, Text head, const Text *fields) {
    const Kept *kept = &look->fold->kept;
    char record[TAGGED];
    if (is_empty(fields[ID]) || !is_empty(fields[TO_TAG]) || !fields[AGENT].at || head.stop - head.at > BUFFER)
        return 0;
    const int shows = look->message->connected ? tagged(look, CONNECTED, record) : 2;
    const int known = shows ? is_asterisk(look, fields[AGENT]) : 2;
    PyObject *agent = known == 0 || known == 1 ? PyDict_GetItemWithError(kept->user_agents, look->fold->agents[way_of(look)->agent - 1]) : NULL;
    PyObject *credentials = agent ? PyTuple_GetItem(PyList_GetItem(kept->forms, form), FORM_CREDENTIALS) : NULL;
    const Text parts[] = {fields[ID], given(fields[NUMBER]), given(fields[BRANCH])};
    PyObject *key = credentials ? PyLong_FromLongLong(digest(3, parts)) : NULL;
    int done = key ? !PyDict_Contains(kept->index, key) && asks(look, fields[AGENT]) > 0 : 0;
    if (done)
        done = add_row(look, key, head, credentials == Py_True ? CREDENTIALS : 0, form, fields, PyLong_AsLongLong(agent));
    if (done > 0 && shows == 1)
        done = keep_tag(look, record);
    Py_XDECREF(key);
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
            const unsigned char *byte = (const unsigned char *)at;
            for (; most - at >= 4 && set[byte[0]] & set[byte[1]] & set[byte[2]] & set[byte[3]]; byte += 4)
                at += 4;
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

/* Reads a request as a Matcher does, and adds it; 0 where it takes nothing. */
static int add_by(Look *look, PyObject *reader, int *takes) {
    static const char NONE[] = "";
    const Text program = text_of(PyTuple_GetItem(reader, MATCHER_PROGRAM));
    const long form = PyLong_AsLong(PyTuple_GetItem(reader, MATCHER_NUMBER));
    Grammar grammar = {.stop = look->payload.stop};
    Head head;
    if (PyErr_Occurred())
        return -1;
    memcpy(&head, program.at, sizeof head);
    grammar.words = (const uint32_t *)(program.at + sizeof head);
    grammar.sets = (const unsigned char *)(grammar.words + head.count);
    grammar.texts = (const char *)(grammar.sets + 256 * (size_t)head.sets);
    for (int n = 0; n < FIELDS; n++)
        grammar.groups[n] = (Text){head.has >> n & 1 ? NULL : NONE, NONE};
    const char *end = taken(&grammar, grammar.words, grammar.words + head.count, look->payload.at);
    *takes = end != NULL;
    return end ? add(look, (int)form, (Text){look->payload.at, end}, grammar.groups) : 0;
}

/* Whether "uthorization:" stands in a request: `Forms.read`. Hardly any other word has a z. */
static int has_authorization(Text payload) {
    const char *at = payload.at;
    for (; (at = find(at, payload.stop, "zation:")); at++)
        if (at - payload.at >= 6 && !memcmp(at - 6, "uthori", 6))
            return 1;
    return 0;
}

/* As `Forms.read` and what follows it, where a form is known that takes a request: no other one takes it then. */
static int invite(Look *look) {
    PyObject *readers = PyTuple_GetItem(look->fold->kept.readers, has_authorization(look->payload));
    const Py_ssize_t count = PyList_Size(readers);
    Py_ssize_t first = 0;
    int done = 0, takes = 0;
    while (first < count && PyList_GetItem(readers, first) != way_of(look)->reader)
        first++;
    for (Py_ssize_t tried = first < count ? -1 : 0; tried < count && !takes && !PyErr_Occurred(); tried++) {
        const Py_ssize_t n = tried < 0 ? first : tried;
        PyObject *reader = Py_NewRef(PyList_GetItem(readers, n));
        way_of(look)->reader = reader;
        done = add_by(look, reader, &takes);
        if (takes && n && (PySequence_DelItem(readers, n) < 0 || PyList_Insert(readers, 0, reader) < 0))
            done = -1;
        Py_DECREF(reader);
    }
    look->fold->counts[REQUESTS] += done > 0;
    return PyErr_Occurred() ? -1 : done;
}

/* The kind of messages between these two: `kinds.kind_of`. */
static PyObject *kind_of(const Message *message, int client, Text what) {
    const Text one = message->ip[client], two = message->ip[!client];
    char kind[1 + 2 * IP_AND_PORT + MOST_WHAT] = {(char)(one.stop - one.at + (two.stop - two.at))};
    return PyBytes_FromStringAndSize(kind, append(append(append(kind + 1, one), two), what) - kind);
}

/* How many messages of a kind are looked at: `kinds.looks`. */
static int looks(Text kind) {
    static const char *const registering[] = {"REGISTER", "REGISTER+", "REGISTER 200"};
    for (int n = 0; n < 3; n++) {
        const size_t length = strlen(registering[n]);
        if ((size_t)(kind.stop - kind.at) > length && !memcmp(kind.stop - length, registering[n], length))
            return MOST_LOOKS;
    }
    if (kind.stop - kind.at < 4 || kind.stop[-4] != ' ' || kind.stop[-3] < '3' || kind.stop[-3] > '6')
        return 1;
    return !memcmp(kind.stop - 3, "401", 3) || !memcmp(kind.stop - 3, "407", 3) ? MOST_SEEN : MOST_LOOKS;
}

/* Keeps a message beside those of its kind, if it is of another sender; 0 where the sender is not spelt as usual. */
static int keep(Look *look, PyObject *before) {
    Text sender = value(look, FROM);
    if (is_odd(look, sender))
        return 0;
    const char *tag = find(sender.at, sender.stop, ";tag=");
    sender = stripped(sender);
    sender.stop = tag ? tag : sender.stop;
    for (Py_ssize_t n = 0; n < PyList_Size(before); n++) {
        const Text known = text_of(PyTuple_GetItem(PyList_GetItem(before, n), 5)); /* its payload */
        if (sender.at == sender.stop || find_bytes(known.at, known.stop, sender.at, sender.stop - sender.at))
            return 1;
    }
    PyObject *datagram = datagram_of(look->message, look->fold->kept.datagram, look->fold->kept.connected);
    const int done = datagram ? PyList_Append(before, datagram) : -1;
    Py_XDECREF(datagram);
    return done < 0 ? -1 : 1;
}

/* The first message of its kind. */
static int begin(const Look *look, PyObject *kind, long long said) {
    const Kept *kept = &look->fold->kept;
    const long long time = look->message->time;
    const int64_t row[REPEATED] = {1, said, time, said, time, looks(text_of(kind)) - 1};
    PyObject *counted = PyObject_CallFunction(kept->array, "sy#", "q", (const char *)row, (Py_ssize_t)sizeof row);
    PyObject *first = PyDict_Size(kept->seen) < look->fold->most[MOST_KINDS] ? Py_BuildValue("[N]", datagram_of(look->message, kept->datagram, kept->connected)) : NULL;
    if (counted && !PyErr_Occurred() && PyDict_SetItem(kept->others, kind, counted) == 0 && first)
        PyDict_SetItem(kept->seen, kind, first);
    Py_XDECREF(counted);
    Py_XDECREF(first);
    return PyErr_Occurred() ? -1 : 1;
}

/* The number of a kind from 1 on; 0 where it has none, as one with a zero in it, which stands for the end here. */
static uint8_t number_of_kind(Fold *fold, Text what) {
    char known[SHORT] = {0};
    int n = 0;
    if (what.stop - what.at > SHORT || what.at == what.stop || memchr(what.at, 0, what.stop - what.at))
        return 0;
    append(known, what);
    while (n < KNOWN_KINDS && *fold->kinds[n] && memcmp(fold->kinds[n], known, SHORT))
        n++;
    if (n == KNOWN_KINDS)
        return 0;
    memcpy(fold->kinds[n], known, SHORT);
    return (uint8_t)(n + 1);
}

/* What is counted of a kind, NULL where there was none. It stays where it is: nothing takes it out of `others`. */
static int64_t *find_kind(Look *look, PyObject *kind, uint8_t number) {
    Way *way = way_of(look);
    Py_buffer counted;
    PyObject *known = PyDict_GetItemWithError(look->fold->kept.others, kind);
    if (!known || PyObject_GetBuffer(known, &counted, PyBUF_WRITABLE) < 0)
        return NULL;
    int64_t *row = counted.len == REPEATED * sizeof *row ? counted.buf : NULL;
    PyBuffer_Release(&counted);
    if (number && row) {
        int n = 0;
        while (n < KINDS && way->kinds[n])
            n++;
        n = n < KINDS ? n : way->next++ % KINDS;
        way->kinds[n] = number;
        way->rows[n] = row;
    }
    return row;
}

/* One more of a kind between these two: `kinds.count_kind`. */
static int count_kind(Look *look, int client, Text what) {
    const Kept *kept = &look->fold->kept;
    const Way *way = way_of(look);
    const uint8_t number = number_of_kind(look->fold, what);
    PyObject *kind = NULL, *before;
    int64_t *row = NULL;
    int done = 1;
    for (int n = 0; n < KINDS && number && !row; n++)
        row = way->kinds[n] == number ? way->rows[n] : NULL;
    const long long said = telling(look->payload);
    if (!row || row[LOOKS] > 0)
        kind = kind_of(look->message, client, what);
    if (!row && kind)
        row = find_kind(look, kind, number);
    if (PyErr_Occurred())
        done = -1;
    else if (!row)
        done = PyDict_Size(kept->others) < look->fold->most[MOST_METHODS] ? begin(look, kind, said) : 0;
    else if (row[LOOKS] > 0) {
        if (!(before = PyDict_GetItemWithError(kept->seen, kind)))
            done = !PyErr_Occurred() && PyDict_Size(kept->seen) >= look->fold->most[MOST_KINDS];
        else if (PyList_Size(before) < MOST_SEEN)
            done = keep(look, before);
        row[LOOKS] -= done > 0;
    }
    if (done > 0 && row)
        repeat(row, look->message->time, said);
    Py_XDECREF(kind);
    return PyErr_Occurred() ? -1 : done;
}

/* Whether `count_kind` keeps a message as it is. */
static int is_whole(const Look *look) {
    return look->payload.stop - look->payload.at <= look->fold->most[LONGEST_SEEN] && *look->payload.at != '\r' && *look->payload.at != '\n';
}

/* A request outside of calls: `Fold._other`. */
static int other(Look *look, Text method) {
    const int registers = starts(look->payload, "REGISTER ");
    char what[MOST_WHAT], *end;
    if (method.stop - method.at >= MOST_WHAT || !is_whole(look))
        return 0;
    end = append(what, method);
    if (line(look, AUTHORIZATION))
        *end++ = '+';
    const int asked = is_known(look, ASKS);
    if (asked < 0)
        return -1;
    if (registers || !asked) {
        const Text agent = agent_of(look, USER_AGENT);
        const int room = registers && PyDict_Size(look->fold->kept.registrations) < look->fold->most[MOST_REGISTRATIONS];
        if (!agent.at || (room && (find(look->payload.at, look->payload.stop, ";line=") || is_asterisk(look, agent))))
            return PyErr_Occurred() ? -1 : 0;
        const int done = asked ? 1 : asks(look, agent);
        if (done <= 0)
            return done;
    }
    return count_kind(look, SOURCE, (Text){what, end});
}

/* As `fold.IN_DIALOG`. */
static int is_in_dialog(Text method) {
    static const char *const names[] = {"BYE", "PRACK", "CANCEL", "UPDATE", "INFO", "ACK"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        if (starts(method, names[n]) && (size_t)(method.stop - method.at) == strlen(names[n]))
            return 1;
    return 0;
}

/* An answer: `Fold._answer`, or `Fold._reply` to such a request. */
static int response(Look *look) {
    const Text code = {look->payload.at + 8, look->payload.at + 11};
    Text sequence = value(look, CSEQ), method;
    const int known = is_known(look, ANSWERS);
    int status = 0;
    if (known <= 0 || !sequence.at)
        return known < 0 ? -1 : 0;
    for (const char *at = code.at; at < code.stop; at++) {
        if (at >= look->payload.stop || *at < '0' || *at > '9')
            return 0;
        status = status * 10 + *at - '0';
    }
    if (is_tracked(sequence))
        return answer(look, status, sequence);
    while (sequence.at < sequence.stop && sequence.stop[-1] == '\r')
        sequence.stop--;
    for (method = (Text){sequence.stop, sequence.stop}; method.at > sequence.at && method.at[-1] != ' ';)
        method.at--;
    const ptrdiff_t size = method.stop - method.at;
    char what[MOST_WHAT], *end;
    if (is_in_dialog(method) && status != 481) /* fold.GONE */
        return 1;
    if (method.at == sequence.at || !size || size + 4 > MOST_WHAT || !is_whole(look))
        return 0;
    end = append(what, method);
    *end++ = ' ';
    return count_kind(look, DESTINATION, (Text){what, append(end, code)});
}

static int request(Look *look) {
    const Text method = up_to(look->payload.at, look->payload.stop, ' ');
    if (starts(look->payload, "INVITE "))
        return invite(look);
    if (starts(look->payload, "ACK "))
        return acked(look);
    return !method.at ? 0 : is_in_dialog(method) ? 1 : other(look, method);
}

/* Folds a message, or has `Fold.add` fold it. */
static int take(Taker *taker, const Message *message) {
    Fold *fold = (Fold *)taker;
    const Py_ssize_t size = message->ip[0].stop - message->ip[0].at;
    Look look = {.fold = fold, .message = message, .payload = message->payload, .next = message->payload.at};
    const int answers = starts(look.payload, "SIP/2.0 ");
    int done = 0;
    look.direction = direction_of(message);
    if (look.direction >= 0 && (size == 4 || size == 16) && message->ip[1].stop - message->ip[1].at == size) {
        *look.key = (char)size;
        for (int n = 0; n < 2; n++)
            memcpy(look.key + offsetof(Way, ips[n]), message->ip[n].at, size);
        look.hash = hash_of(&fold->ways, look.key);
        const size_t likely = fold->ways.slots[look.hash & fold->ways.mask] & 0xFFFF;
        PREFETCH(fold->ways.at + (likely ? likely - 1 : 0) * sizeof(Way));
        PREFETCH(fold->ways.at + (likely ? likely - 1 : 0) * sizeof(Way) + 64);
        done = answers ? response(&look) : request(&look);
    }
    fold->counts[MESSAGES] += done > 0;
    fold->counts[RESPONSES] += done > 0 && answers;
    if (done > 0 && message->time > fold->counts[END])
        fold->counts[END] = message->time;
    if (done || flush(fold) < 0)
        return done > 0 ? 1 : -1;
    PyObject *datagram = datagram_of(message, fold->kept.datagram, fold->kept.connected);
    PyObject *folded = datagram ? PyObject_CallFunctionObjArgs(fold->kept.law, datagram, NULL) : NULL;
    Py_XDECREF(folded);
    Py_XDECREF(datagram);
    return folded ? 1 : -1;
}

static void end(PyObject *capsule) {
    Fold *fold = PyCapsule_GetPointer(capsule, TAKER);
    forget_ways(fold);
    Py_XDECREF(fold->tuple);
    free(fold->heads);
    free(fold->names.slots);
    free(fold->names.at);
    free(fold->ways.slots);
    free(fold->ways.at);
    free(fold);
}

static int read_kept(Fold *fold) {
    if (PyTuple_Size(fold->tuple) != KEPT) {
        PyErr_SetString(PyExc_ValueError, "these are not the tables of a fold");
        return 0;
    }
    for (int n = 0; n < KEPT; n++)
        ((PyObject **)&fold->kept)[n] = PyTuple_GetItem(fold->tuple, n);
    if (!PyTuple_Check(fold->kept.limits) || PyTuple_Size(fold->kept.limits) != LIMITS)
        PyErr_SetString(PyExc_ValueError, "these are not the limits of a fold");
    for (int n = 0; n < LIMITS && !PyErr_Occurred(); n++)
        fold->most[n] = PyLong_AsLongLong(PyTuple_GetItem(fold->kept.limits, n));
    if (!PyErr_Occurred() && !(PyObject_TypeCheck(fold->kept.rows, &PyByteArray_Type) && PyObject_TypeCheck(fold->kept.tags, &PyByteArray_Type)))
        PyErr_SetString(PyExc_TypeError, "rows and tags are bytearrays");
    return !PyErr_Occurred();
}

/* What takes messages for a fold, whose tables it is given. */
static PyObject *taker(PyObject *module, PyObject *tuple) {
    (void)module;
    Fold *fold = PyTuple_Check(tuple) ? calloc(1, sizeof *fold) : NULL;
    PyObject *capsule = fold ? PyCapsule_New(fold, TAKER, end) : NULL;
    if (!capsule) {
        free(fold);
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "the tables of a fold are a tuple");
    }
    fold->taker.take = take;
    fold->tuple = Py_NewRef(tuple);
    fold->heads = malloc(BUFFER);
    if (!make(&fold->ways, offsetof(Way, ports), sizeof(Way), 1 << 15) || !fold->heads ||
        !make(&fold->names, offsetof(Name, number), sizeof(Name), 1 << 16))
        PyErr_NoMemory();
    if (PyErr_Occurred() || !read_kept(fold))
        Py_CLEAR(capsule);
    return capsule;
}

/* Takes a Datagram; -1 for an error. */
static int take_datagram(Fold *fold, PyObject *datagram) {
    enum { TIME, FRAME, TRANSPORT, FROM_END, TO_END, PAYLOAD, DIRECTION, CUT, DATAGRAM };
    if (!PyTuple_Check(datagram) || PyTuple_Size(datagram) != DATAGRAM) {
        PyErr_SetString(PyExc_TypeError, "messages are Datagrams");
        return -1;
    }
    Message message = {PyLong_AsLongLong(PyTuple_GetItem(datagram, TIME)), PyLong_AsLongLong(PyTuple_GetItem(datagram, FRAME)),
        {text_of(PyTuple_GetItem(datagram, FROM_END)), text_of(PyTuple_GetItem(datagram, TO_END))}, {NULL, NULL},
        text_of(PyTuple_GetItem(datagram, PAYLOAD)), PyTuple_GetItem(datagram, TRANSPORT), PyTuple_GetItem(datagram, DIRECTION),
        PyTuple_GetItem(datagram, CUT) == Py_True, (PyObject *)Py_TYPE(datagram) != fold->kept.datagram, datagram};
    for (int n = 0; n < 2 && !PyErr_Occurred(); n++)
        if (message.ip[n].stop - message.ip[n].at < 2)
            PyErr_SetString(PyExc_ValueError, "a packed address ends with its port");
        else
            message.port[n] = message.ip[n].stop -= 2;
    if (!PyErr_Occurred() && !PyUnicode_Check(message.direction))
        PyErr_SetString(PyExc_TypeError, "a direction is a text");
    return PyErr_Occurred() ? -1 : take(&fold->taker, &message);
}

/* Has a taker take messages; how many it took itself, then, and the latest time: as COUNTS. */
static PyObject *feed(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule, *datagrams, *datagram;
    if (!PyArg_ParseTuple(arguments, "OO", &capsule, &datagrams))
        return NULL;
    Fold *fold = PyCapsule_GetPointer(capsule, TAKER);
    PyObject *iterator = fold ? PyObject_GetIter(datagrams) : NULL;
    if (!iterator)
        return NULL;
    while (!PyErr_Occurred() && (datagram = PyIter_Next(iterator))) {
        take_datagram(fold, datagram);
        Py_DECREF(datagram);
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred() || flush(fold) < 0)
        return NULL;
    const long long *counts = fold->counts;
    return Py_BuildValue("LLLL", counts[MESSAGES], counts[RESPONSES], counts[REQUESTS], counts[END]);
}

static PyMethodDef methods[] = {{"taker", taker, METH_O, NULL}, {"feed", feed, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_fold", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fold(void) {
    return PyModule_Create(&definition);
}
