// Command resolver does with Go's resolver what lookup.c does with a C
// library's: each lookup with a resolver of its own, since one merges lookups of
// the same name.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	name := os.Args[1]
	lookups, err := strconv.Atoi(os.Args[2])
	atATime, err2 := strconv.Atoi(os.Args[3])
	if err != nil || err2 != nil {
		os.Exit(2)
	}
	lines := make(chan string)
	for range atATime {
		go func() {
			for range lookups / atATime {
				lines <- lookUp(name)
			}
		}()
	}
	for range lookups / atATime * atATime {
		fmt.Println(<-lines)
	}
}

func lookUp(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	begun, code := time.Now(), 0
	if _, err := (&net.Resolver{PreferGo: true}).LookupHost(ctx, name); err != nil {
		code = 1
	}
	return fmt.Sprintf("%d %.3f", code, time.Since(begun).Seconds())
}
