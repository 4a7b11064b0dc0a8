// Package network moves the requests of a simulated trial: users with their
// connections, names, the rules of kube-proxy, TCP as the Linux kernel does it
// when the other side stands still or is gone, and a queue in front of every
// process.
//
// A request costs two events while all is well: when it is due, and when its
// answer is in. Everything else, timeouts and retransmissions too, becomes an
// event only once it may matter.
//
//	n := network.New(world)
//	attack, err := n.Attack(plans, sink)
//	attack.Start(ctx, clock.Now()+time.Second)
//
//	stream.go, user.go  who sends when
//	insist.go           a user's request with retries and hedges
//	call.go             one request from a client's view
//	path.go             SYNs, retransmissions, ICMP
//	server.go           a process's connections, queue and answers
//	dns.go              names
package network
