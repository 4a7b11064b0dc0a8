package guardian

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// Hog is something that uses too much of a node's memory or CPU: a process of
// the guardian's, in the cgroups of the node or of one of its containers. It
// ends with its time, with its guardian, and when the kernel has killed what it
// is beside.
type Hog struct {
	// Group is the id of the container whose cgroup it joins; empty is the
	// node's own.
	Group string `json:"group,omitempty"`
	// Threads compute; zero for a hog of memory.
	Threads int `json:"threads,omitempty"`
	// Memory is the most that it takes, in bytes; zero is all there is. Rate is
	// how much it takes in a second.
	Memory int64 `json:"memory,omitempty"`
	Rate   int64 `json:"rate,omitempty"`
	// Hang: nothing on the node is killed for want of memory. What needs some
	// waits, as on a machine that has none left.
	Hang bool `json:"hang,omitempty"`
	// Time is after what its process ends by itself, whoever is left.
	Time time.Duration `json:"time"`
}

// part is what the hog changes of its node.
func (h Hog) part() Part {
	if h.Threads > 0 {
		return Computing
	}
	return Memory
}

// Group is one fresh look at the cgroup of a node, or of one of its containers.
type Group struct {
	Gone   bool  `json:"gone,omitempty"`  // it does not exist, or not any more
	Used   int64 `json:"used"`            // bytes of memory in use
	Limit  int64 `json:"limit,omitempty"` // of memory; zero is none
	Killed int64 `json:"killed"`          // processes that the kernel killed in it for want of memory
	// Waits is above zero while something waits for memory, since nothing is
	// killed. On version 2 it counts those who were held back, and never falls.
	Waits int64 `json:"waits,omitempty"`
	// Computed is the CPU time that it used, and Throttled the scheduler periods
	// in which it ran out of its quota.
	Computed  time.Duration `json:"computed"`
	Throttled int64         `json:"throttled"`
}

// hogName is what the kernel calls the process of a hog of that kind, of which it
// keeps 15 characters, and on version 2 the cgroup that is made for it.
func hogName(kind Part) string {
	if kind == Computing {
		return "seatrial-hogcpu"
	}
	return "seatrial-hogmem"
}

// hogging is what the process of a hog is told.
type hogging struct {
	Hog
	Join  []string // cgroup.procs of the groups to join
	Kills string   // file that counts, in its field oom_kill, what the kernel killed there; empty: do not look
}

// args are the command line of a hog's process.
func (h hogging) args() []string {
	args := []string{"hog", "--time=" + h.Time.String(), "--kills=" + h.Kills}
	for _, file := range h.Join {
		args = append(args, "--join="+file)
	}
	if h.Threads > 0 {
		return append(args, fmt.Sprintf("--threads=%d", h.Threads))
	}
	return append(args, fmt.Sprintf("--memory=%d", h.Memory), fmt.Sprintf("--rate=%d", h.Rate), fmt.Sprintf("--hang=%t", h.Hang))
}

// RunHog is the command `hog`: the process of one.
func RunHog(ctx context.Context, args []string, in io.Reader) error {
	var h hogging
	flags := flag.NewFlagSet("hog", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the error
	flags.DurationVar(&h.Time, "time", 0, "after which it ends")
	flags.Func("join", "`file` of a cgroup's processes", func(file string) error {
		h.Join = append(h.Join, file)
		return nil
	})
	flags.StringVar(&h.Kills, "kills", "", "`file` that counts kills")
	flags.IntVar(&h.Threads, "threads", 0, "that compute")
	flags.Int64Var(&h.Memory, "memory", 0, "`bytes` to take")
	flags.Int64Var(&h.Rate, "rate", 0, "`bytes` to take in a second")
	flags.BoolVar(&h.Hang, "hang", false, "nothing is killed where it is")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("hog: %w", err)
	}
	if h.Time <= 0 || (h.Threads > 0) == (h.Rate > 0) {
		return errors.New("hog: it needs a time, and either threads or a rate")
	}
	ctx, cancel := context.WithTimeout(ctx, h.Time)
	defer cancel()
	go func() { // its guardian holds the other end
		_, _ = io.Copy(io.Discard, in) // an error is an end, too
		cancel()
	}()
	if err := h.run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("hog: %w", err)
	}
	return nil
}
