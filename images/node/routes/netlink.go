package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// protocol marks our routes in the kernel's table; /etc/iproute2/rt_protos names
// no other program with this number.
const protocol = 0x73

// listRoutes reads our routes from the kernel.
func listRoutes() (map[route]bool, error) {
	dump, err := syscall.NetlinkRIB(syscall.RTM_GETROUTE, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	routes := map[route]bool{}
	for _, m := range messages {
		if r, ok := decodeRoute(m); ok {
			routes[r] = true
		}
	}
	return routes, nil
}

// decodeRoute reads one message, if it is a route of ours. Byte 1 of the route
// header (struct rtmsg) is the prefix length, byte 5 the protocol.
func decodeRoute(m syscall.NetlinkMessage) (route, bool) {
	if m.Header.Type != syscall.RTM_NEWROUTE || len(m.Data) < syscall.SizeofRtMsg || m.Data[5] != protocol {
		return route{}, false
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return route{}, false
	}
	var to, via netip.Addr
	for _, a := range attributes {
		switch a.Attr.Type {
		case syscall.RTA_DST:
			to, _ = netip.AddrFromSlice(a.Value)
		case syscall.RTA_GATEWAY:
			via, _ = netip.AddrFromSlice(a.Value)
		}
	}
	return route{netip.PrefixFrom(to, int(m.Data[1])), via}, to.IsValid() && via.IsValid()
}

func replaceRoute(r route) error {
	return send(encodeRoute(r, syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE|syscall.NLM_F_REPLACE))
}

// deleteRoute is content where the route is gone already.
func deleteRoute(r route) error {
	err := send(encodeRoute(r, syscall.RTM_DELROUTE, 0))
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// encodeRoute writes struct nlmsghdr, struct rtmsg and two attributes, as
// netlink(7) and rtnetlink(7) describe them.
func encodeRoute(r route, kind, flags uint16) []byte {
	family := byte(syscall.AF_INET)
	if !r.to.Addr().Is4() {
		family = syscall.AF_INET6
	}
	body := []byte{
		family, byte(r.to.Bits()), 0, 0,
		syscall.RT_TABLE_MAIN, protocol, syscall.RT_SCOPE_UNIVERSE, syscall.RTN_UNICAST,
		0, 0, 0, 0,
	}
	body = appendAttribute(body, syscall.RTA_DST, r.to.Addr().AsSlice())
	body = appendAttribute(body, syscall.RTA_GATEWAY, r.via.AsSlice())
	ne := binary.NativeEndian
	b := ne.AppendUint32(nil, uint32(syscall.SizeofNlMsghdr+len(body)))
	b = ne.AppendUint16(b, kind)
	b = ne.AppendUint16(b, flags|syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	b = ne.AppendUint32(b, 1) // sequence number: one message, one answer
	b = ne.AppendUint32(b, 0) // port: the kernel's choice
	return append(b, body...)
}

// appendAttribute needs no padding: addresses are multiples of four bytes.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...)
}

// send hands one message to the kernel and waits for its answer.
func send(message []byte) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer syscall.Close(fd)
	if err := syscall.Sendto(fd, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return fmt.Errorf("writing to netlink: %w", err)
	}
	answer := make([]byte, syscall.Getpagesize())
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return fmt.Errorf("reading from netlink: %w", err)
	}
	return verdict(answer[:n])
}

// verdict reads the kernel's answer: an error message whose number is 0 means done.
func verdict(answer []byte) error {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return fmt.Errorf("reading netlink's answer: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type == syscall.NLMSG_ERROR && len(m.Data) >= 4 {
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
				return syscall.Errno(-code)
			}
		}
	}
	return nil
}
