// Package journal is the append-only record of one trial, and the histograms
// in it. Every report is a fold over a journal: nothing else is remembered.
//
// A journal is a text file of JSON lines, one [seatrial.Event] each. A line
// says when it happened (`at`, in seconds since the trial's start; the warm-up
// is negative), what kind of event it is, what it happened to, whether it
// begins or ends something, how much a reader should care, a message for
// people, and data whose type belongs to the kind:
//
//	{"at":-10.000000,"kind":"trial","subject":"live-migration","edge":"begin","data":{"schema":1,…}}
//	{"at":0.100000,"kind":"load","subject":"browse","data":{"planned":20,"sent":20,…}}
//	{"at":15.004210,"kind":"fault","subject":"migrate","severity":"warning","data":{"step":"injected",…}}
//
// The first line is the [Header], the last the [Trailer]. Load comes as one
// line per agent and 100 ms, never one per request. [Writer] appends, [Read]
// reads, and the functions on [seatrial.Buckets] record and merge times.
package journal
