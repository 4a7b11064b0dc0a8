package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/seatrial/seatrial/load/tally"
)

// Classify says which class an error of an HTTP request is, by its types.
func Classify(err error) string {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
	)
	switch {
	case err == context.DeadlineExceeded:
		return tally.Timeout
	case errors.As(err, &dns):
		return tally.DNS // also when the name server did not answer in time
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL) && !loopback6(err):
		return tally.Ports
	case errors.Is(err, syscall.ECONNREFUSED):
		return tally.Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, syscall.EADDRNOTAVAIL):
		return tally.Unreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return tally.Reset
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return tally.Timeout
	case isTLS(err):
		return tally.TLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return tally.EOF
	}
	return tally.Other
}

// loopback6 says whether the address was ::1: a machine without IPv6 has no
// address to reach it from, however many ports are left.
func loopback6(err error) bool {
	var dial *net.OpError
	if !errors.As(err, &dial) {
		return false
	}
	to, ok := dial.Addr.(*net.TCPAddr)
	return ok && to.IP.To4() == nil && to.IP.IsLoopback()
}

func isTLS(err error) bool {
	var (
		record   tls.RecordHeaderError
		alert    tls.AlertError
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
	)
	return errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &verify) ||
		errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid)
}
