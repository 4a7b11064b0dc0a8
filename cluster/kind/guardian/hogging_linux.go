package guardian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// run joins the cgroup, and uses too much of it until ctx ends.
func (h hogging) run(ctx context.Context) error {
	if err := os.WriteFile("/proc/self/comm", []byte(hogName(h.part())), 0); err != nil {
		return fmt.Errorf("taking its name: %w", err)
	}
	// The kernel is not to choose it. Where that may not be said, it is chosen
	// only beside what is guaranteed: others have a score of their own.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0); err != nil && !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("protecting itself from the kernel: %w", err)
	}
	if h.Hang {
		if err := stay(); err != nil {
			return err
		}
	}
	// 0 is whoever writes, in whatever PID namespace.
	for _, file := range h.Join {
		if err := writeText(file, "0"); err != nil {
			return err
		}
	}
	if h.Threads > 0 {
		h.compute(ctx)
		return nil
	}
	return h.take(ctx)
}

// stay takes what the process itself will need before it joins a cgroup that has
// nothing left. There a page that it lacks would hold it back beyond its time, a
// signal whose frame finds no page kills it, and so does a thread that cannot be
// made; the kubelet dies of these, too. Where the kernel kills, this would make it
// the largest, and the first to go.
func stay() error {
	debug.SetGCPercent(-1) // it would want workers, and new pages
	var threads sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		threads.Go(func() {
			brief := unix.NsecToTimespec(time.Millisecond.Nanoseconds())
			_ = unix.Nanosleep(&brief, nil) // however short: it needs a thread meanwhile
		})
	}
	threads.Wait()
	if err := unix.Mlockall(unix.MCL_CURRENT); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOMEM) {
		return fmt.Errorf("keeping its own memory: %w", err) // without the right to, it goes on as well as it can
	}
	return nil
}

func (h hogging) compute(ctx context.Context) {
	var running sync.WaitGroup
	for range h.Threads {
		running.Go(func() {
			for n := 0; ctx.Err() == nil; {
				for range 1_000_000 {
					n += n&1 + 1
				}
			}
		})
	}
	running.Wait()
}

// beat is the pause between two helpings of memory.
const beat = 20 * time.Millisecond

// take fills a file in memory. Its pages are charged to the cgroup like any
// others, but are not this process's own: where memory is out, the kernel looks
// for the process that has most, and kills the one that the hog is beside. Then
// the hog is over. Where nothing may be killed, writing fails, and is tried
// again.
func (h hogging) take(ctx context.Context) error {
	fd, err := unix.MemfdCreate(hogName(Memory), unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), hogName(Memory))
	defer file.Close()
	before, err := h.killed()
	if err != nil {
		return err
	}
	helping := make([]byte, max(4096, int(float64(h.Rate)*beat.Seconds())))
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for taken := int64(0); ; {
		if left := h.Memory - taken; h.Memory == 0 || left > 0 {
			if h.Memory > 0 {
				helping = helping[:min(int64(len(helping)), left)]
			}
			n, err := file.Write(helping)
			taken += int64(n)
			if err != nil && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.ENOSPC) {
				return fmt.Errorf("taking memory: %w", err)
			}
		}
		if now, err := h.killed(); err != nil || now > before {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// killed counts what the kernel killed in the cgroup. One that is gone was
// emptied.
func (h hogging) killed() (uint64, error) {
	if h.Kills == "" {
		return 0, nil
	}
	text, err := readText(h.Kills)
	n, _ := field(text, "oom_kill")
	return n, err
}
