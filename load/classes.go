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
)

// The classes of failed requests. An answer of 400 or above has the class
// "http-" and its status, such as "http-503".
const (
	ClassRefused     = "refused"     // nobody listens
	ClassUnreachable = "unreachable" // no route: the address is gone, as a deleted pod's
	ClassReset       = "reset"       // the connection was torn down under the request
	ClassTimeout     = "timeout"     // the client's timeout passed, or the kernel gave up
	ClassDNS         = "dns"         // the name was not resolved
	ClassTLS         = "tls"         // no agreement on a secure connection
	ClassEOF         = "eof"         // the server closed the connection before its answer was whole
	ClassOther       = "other"
)

// Classify says which class an error of an HTTP request is, by its types.
func Classify(err error) string {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
	)
	switch {
	case err == context.DeadlineExceeded:
		return ClassTimeout
	case errors.As(err, &dns):
		return ClassDNS // also when the name server did not answer in time
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ClassUnreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return ClassReset
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ClassTimeout
	case isTLS(err):
		return ClassTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ClassEOF
	}
	return ClassOther
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
