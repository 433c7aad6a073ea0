package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	dialTime   = 10 * time.Second
	idleTime   = 90 * time.Second
	maxHeaders = 64 << 10 // bytes of an answer's
)

// errElsewhere is a server that is not this machine's, and was not said to be.
var errElsewhere = errors.New("the server is not on this machine: a load is put on another's only with --anywhere, and with its operator's leave")

// newWeb is the clients' HTTP: like that of MCP clients, but it follows no redirect and asks
// no proxy. Where the server must be of this machine, each connection is looked at when its
// address is known, so that no name can lead elsewhere.
func newWeb(o *Options) *http.Client {
	d := &net.Dialer{Timeout: dialTime}
	if !o.Anywhere {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
				return errElsewhere
			}
			return nil
		}
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			MaxIdleConns:           2 * o.Clients, // each may have one whose last stream is read to its end
			MaxIdleConnsPerHost:    2 * o.Clients,
			IdleConnTimeout:        idleTime,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// reachable tells early, and once, why no client can connect.
func reachable(ctx context.Context, web *http.Client, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	transport, ok := web.Transport.(*http.Transport)
	if !ok {
		return errors.New("load: no transport to dial with")
	}
	c, err := transport.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", address, err)
	}
	return c.Close()
}
