package kube

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/klog/v2"
)

// logger is log, or one that keeps quiet.
func logger(log func(format string, args ...any)) func(format string, args ...any) {
	if log == nil {
		return func(string, ...any) {}
	}
	return log
}

// QuietClient sends what client-go says outside any cluster's watches to log
// instead of standard error; nil drops it. klog is one for the whole process
// and not safe to change while it is used, so a command calls this once, first
// thing in main. Clusters need it not: what they run logs to [Options].Log.
func QuietClient(log func(format string, args ...any)) {
	klog.SetLogger(klog.New(logSink{log: logger(log)}))
}

// withLog carries log to client-go's goroutines.
func withLog(ctx context.Context, log func(format string, args ...any)) context.Context {
	return klog.NewContext(ctx, klog.New(logSink{log: log}))
}

// logSink turns client-go's structured errors into lines. What is no error is
// left out: a watch that ends early, a request that waited its turn.
type logSink struct {
	log    func(format string, args ...any)
	values []any
}

var _ klog.LogSink = logSink{}

func (logSink) Init(klog.RuntimeInfo)          {}
func (logSink) Enabled(int) bool               { return false }
func (logSink) Info(int, string, ...any)       {}
func (s logSink) WithName(string) klog.LogSink { return s }

func (s logSink) WithValues(kv ...any) klog.LogSink {
	s.values = append(s.values[:len(s.values):len(s.values)], kv...)
	return s
}

func (s logSink) Error(err error, msg string, kv ...any) {
	var b strings.Builder
	kv = append(s.values[:len(s.values):len(s.values)], kv...)
	for i := 0; i+1 < len(kv); i += 2 {
		fmt.Fprintf(&b, " %v=%v", kv[i], kv[i+1])
	}
	s.log("kubernetes client: %s: %v%s", msg, err, b.String())
}

// warnings sends the API server's warnings, such as "deprecated", to the log.
type warnings struct {
	log func(format string, args ...any)
}

// unwarned marks the context of requests that are for every kind there is,
// deprecated ones too.
type unwarned struct{}

// HandleWarningHeaderWithContext takes one warning; 299 is the only code that
// API servers send (RFC 7234, 5.5).
func (w warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code == 299 && text != "" && ctx.Value(unwarned{}) == nil {
		w.log("the API server warns: %s", text)
	}
}
