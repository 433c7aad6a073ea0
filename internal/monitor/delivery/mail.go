package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/loopback"
	"doorward/internal/monitor"
)

// MailConfig is a mailbox and the server that takes mail for it. Server, From, To and
// Dial are required.
type MailConfig struct {
	Server   string // host:port. At port 465 TLS begins at once (RFC 8314), else with STARTTLS
	From     string // addresses alone, without names
	To       []string
	Username string                      // empty: the server asks for none
	Password func() (gate.Secret, error) // with Username
	Roots    *x509.CertPool              // nil: the system's
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// Mail is a receiver that is a mailbox. To a server on this machine mail goes in the
// clear; to any other only over TLS.
type Mail struct {
	cfg  MailConfig
	host string
	port string
}

const (
	portTLS     = "465"
	mailTimeout = 30 * time.Second
)

// NewMail makes one.
func NewMail(c MailConfig) (*Mail, error) {
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" || c.From == "" || len(c.To) == 0 || c.Dial == nil || c.Username != "" && c.Password == nil {
		return nil, errors.New("mail: a server with its port, a sender and receivers are required, and a password with a user name")
	}
	return &Mail{cfg: c, host: host, port: port}, nil
}

// Place implements Receiver.
func (m *Mail) Place() Place {
	return Place{
		Kind: KindEmail, Name: strings.Join(m.cfg.To, ", ") + " by " + m.cfg.Server,
		At: strings.Join(append([]string{m.cfg.Server, m.cfg.From}, m.cfg.To...), "\n"),
	}
}

// Send implements Receiver.
func (m *Mail) Send(ctx context.Context, a *monitor.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	text, err := m.letter(a)
	if err != nil {
		return err
	}
	conn, err := m.cfg.Dial(ctx, "tcp", m.cfg.Server)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close()
	end := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // net/smtp knows no context
	defer end()
	return m.speak(ctx, conn, text)
}

func (m *Mail) speak(ctx context.Context, conn net.Conn, text []byte) error {
	if m.port == portTLS {
		secure := tls.Client(conn, m.tls())
		if err := secure.HandshakeContext(ctx); err != nil {
			return errors.New("the server's TLS is not good")
		}
		conn = secure
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return plainly("greeting", err)
	}
	defer func() { _ = c.Close() }()
	if err := m.secure(c); err != nil {
		return err
	}
	if m.cfg.Username != "" {
		password, err := m.cfg.Password()
		if err != nil {
			return fmt.Errorf("reading the password: %w", err)
		}
		if err := c.Auth(smtp.PlainAuth("", m.cfg.Username, password.Reveal(), m.host)); err != nil {
			return plainly("signing in", err)
		}
	}
	return m.hand(c, text)
}

// secure begins TLS, without which nothing is said to another machine.
func (m *Mail) secure(c *smtp.Client) error {
	if m.port == portTLS {
		return nil
	}
	if offered, _ := c.Extension("STARTTLS"); !offered {
		if loopback.Host(m.host) {
			return nil
		}
		return errors.New("the server offers no TLS")
	}
	if err := c.StartTLS(m.tls()); err != nil {
		return errors.New("the server's TLS is not good")
	}
	return nil
}

func (m *Mail) tls() *tls.Config {
	return &tls.Config{ServerName: m.host, RootCAs: m.cfg.Roots, MinVersion: tls.VersionTLS12}
}

func (m *Mail) hand(c *smtp.Client, text []byte) error {
	if err := c.Mail(m.cfg.From); err != nil {
		return plainly("naming the sender", err)
	}
	for _, to := range m.cfg.To {
		if err := c.Rcpt(to); err != nil {
			return plainly("naming a receiver", err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return plainly("sending", err)
	}
	if _, err := w.Write(text); err != nil {
		return plainly("sending", err)
	}
	if err := w.Close(); err != nil {
		return plainly("sending", err)
	}
	_ = c.Quit() // it has taken the mail
	return nil
}

// letter is an alert as a mail. No name is in its header: nobody outside has a say
// in it.
func (m *Mail) letter(a *monitor.Alert) ([]byte, error) {
	data, err := body(a)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, h := range [...][2]string{
		{"From", "<" + m.cfg.From + ">"},
		{"To", "<" + strings.Join(m.cfg.To, ">, <") + ">"},
		{"Subject", "Doorward alert: " + a.Rule},
		{"Date", a.Last.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + a.ID + "@doorward.invalid>"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(a.Text() + "\n\n" + string(data) + "\n")); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// plainly says what failed without the words of the server.
func plainly(what string, err error) error {
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		return &mailError{what: what, code: said.Code}
	}
	return fmt.Errorf("%s: the connection ended", what)
}

// mailError is a server's no.
type mailError struct {
	what string
	code int
}

func (e *mailError) Error() string { return fmt.Sprintf("%s: the server answered %d", e.what, e.code) }
