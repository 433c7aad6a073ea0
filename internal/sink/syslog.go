package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"doorward/internal/loopback"
	"doorward/internal/sink/form"
	"doorward/internal/webhook"
)

// SyslogConfig is a receiver of syslog. Address, Transport and Format are required.
type SyslogConfig struct {
	Address   string // host and port; in the clear this machine alone
	Transport string // udp (RFC 5426), tcp (RFC 6587, octet counting) or tls (RFC 5425)
	Format    string // rfc5424, cef or json
	Roots     *x509.CertPool
	Host      string // of this machine, as messages name it
	Version   string
}

const (
	// maxDatagram is the longest message that goes by UDP. A longer one would be sent
	// in fragments, of which every one must arrive, and none fits above 65,507 bytes.
	maxDatagram = 8 << 10
	// settles is how long a connection must stay up after a batch. Syslog confirms
	// nothing; but a receiver that has ended resets the connection at the first byte,
	// within one round trip.
	settles = 50 * time.Millisecond
)

type syslogReceiver struct {
	SyslogConfig
	message form.Syslog
	conn    net.Conn
}

// NewSyslog makes a receiver of syslog.
func NewSyslog(c SyslogConfig) (Receiver, error) {
	host, _, err := net.SplitHostPort(c.Address)
	switch {
	case err != nil || host == "":
		return nil, errors.New("sink: a syslog address is a host and a port")
	case c.Transport != "udp" && c.Transport != "tcp" && c.Transport != "tls":
		return nil, fmt.Errorf("sink: the transport must be udp, tcp or tls, not %q", c.Transport)
	case c.Transport != "tls" && !loopback.Host(host):
		return nil, errors.New("sink: syslog in the clear is for this machine alone: use tls")
	case c.Format != "rfc5424" && c.Format != "cef" && c.Format != "json":
		return nil, fmt.Errorf("sink: the format must be rfc5424, cef or json, not %q", c.Format)
	}
	return &syslogReceiver{SyslogConfig: c, message: form.Syslog{Host: c.Host, Process: os.Getpid(), Version: c.Version, Format: c.Format}}, nil
}

// Deliver writes the batch. An error means that all of it is sent again, on a new
// connection.
func (s *syslogReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(patience)
	}
	conn := s.conn
	_ = conn.SetDeadline(until)                                                 // an error shows at the write
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) }) // ends a write that hangs
	defer stop()
	err := s.write(batch)
	if err == nil && s.Transport != "udp" {
		err = alive(s.conn, settles)
	}
	if err != nil {
		s.conn.Close()
		s.conn = nil
		return unwritten(err)
	}
	return nil
}

// write sends each record as one message: by UDP a datagram, else one with its length
// before it.
func (s *syslogReceiver) write(batch []form.Record) error {
	if s.Transport == "udp" {
		for i := range batch {
			m := s.message.Message(&batch[i])
			if len(m) > maxDatagram {
				m = s.message.Short(&batch[i])
			}
			if _, err := s.conn.Write(m); err != nil {
				return err
			}
		}
		return nil
	}
	var b []byte
	for i := range batch {
		m := s.message.Message(&batch[i])
		b = append(strconv.AppendInt(b, int64(len(m)), 10), ' ')
		b = append(b, m...)
	}
	_, err := s.conn.Write(b)
	return err
}

// alive tells whether the other end still listens: it never says anything, so that
// what is read is its end, or nothing within the time.
func alive(conn net.Conn, within time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	var one [1]byte
	_, err := conn.Read(one[:])
	var timed net.Error
	switch {
	case errors.As(err, &timed) && timed.Timeout():
		return nil
	case err != nil:
		return err
	}
	return errors.New("the receiver talks back")
}

// connect connects where there is no connection, or where it has ended meanwhile.
func (s *syslogReceiver) connect(ctx context.Context) error {
	if s.conn != nil && s.Transport != "udp" && alive(s.conn, time.Millisecond) != nil {
		s.conn.Close()
		s.conn = nil
	}
	if s.conn != nil {
		return nil
	}
	network := "tcp"
	if s.Transport == "udp" {
		network = "udp"
	}
	d := webhook.Dialer(s.Transport != "tls")
	conn, err := d.DialContext(ctx, network, s.Address)
	if err != nil {
		return webhook.Plainly(err)
	}
	if s.Transport == "tls" {
		host, _, _ := net.SplitHostPort(s.Address) // NewSyslog has split it
		secure := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return webhook.Plainly(err)
		}
		conn = secure
	}
	s.conn = conn
	return nil
}

// unwritten says what went wrong with a connection.
func unwritten(err error) error {
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return fmt.Errorf("the receiver takes nothing within %v", patience)
	}
	return errors.New("the connection ended before the receiver can have taken everything")
}

// Close implements Receiver.
func (s *syslogReceiver) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
