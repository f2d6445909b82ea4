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

typedef struct Taker Taker;
struct Taker { int (*take)(Taker *, const Message *); }; /* 1; -1 for an error */
static const char TAKER[] = "pjsipdiag.taker"; /* the name of its capsule */
