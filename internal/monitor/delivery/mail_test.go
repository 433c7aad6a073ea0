package delivery_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/monitor/delivery"
	"doorward/internal/webhook"
)

// smtpd takes one mail and keeps it.
type smtpd struct {
	addr   string
	got    chan string
	secure *tls.Config // nil: no TLS
	atOnce bool        // TLS begins with the connection
}

func newSMTP(t *testing.T, answers map[string]string) *smtpd {
	t.Helper()
	return newSecureSMTP(t, answers, nil, false)
}

func newSecureSMTP(t *testing.T, answers map[string]string, secure *tls.Config, atOnce bool) *smtpd {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpd{addr: ln.Addr().String(), got: make(chan string, 1), secure: secure, atOnce: atOnce}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.serve(c, answers)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return s
}

func (s *smtpd) serve(c net.Conn, answers map[string]string) {
	defer func() { c.Close() }()
	if s.atOnce {
		c = tls.Server(c, s.secure)
	}
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	say("220 ready CANARY-of-the-server")
	var all strings.Builder
	lines := bufio.NewScanner(c)
	data := false
	for lines.Scan() {
		line := lines.Text()
		all.WriteString(line + "\n")
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case data && line == ".":
			data = false
			say("250 taken")
			s.got <- all.String()
		case data:
		case answers[verb] != "":
			say(answers[verb])
		case verb == "EHLO":
			say("250-hello")
			if s.secure != nil {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case verb == "STARTTLS":
			say("220 go on")
			c = tls.Server(c, s.secure)
			lines = bufio.NewScanner(c)
			all.WriteString("TLS\n")
		case verb == "DATA":
			data = true
			say("354 go on")
		case verb == "QUIT":
			say("221 bye")
			return
		case verb == "AUTH":
			say("235 good")
		default:
			say("250 fine")
		}
	}
}

func mailTo(t *testing.T, s *smtpd) *delivery.Mail {
	t.Helper()
	m, err := delivery.NewMail(delivery.MailConfig{
		Server: s.addr, From: "doorward@example.com", To: []string{"a@example.com", "b@example.com"},
		Username: "doorward", Password: func() (gate.Secret, error) { return gate.NewSecret("CANARY-of-the-password"), nil },
		Dial: webhook.Dialer(true).DialContext,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMail(t *testing.T) {
	s := newSMTP(t, nil)
	a := alert()
	a.Subject.Value = "x\r\nBcc: evil@example.com\r\n\r\n.\r\n"
	if err := mailTo(t, s).Send(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	got := <-s.got
	has(t, got, "MAIL FROM:<doorward@example.com>", "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>",
		"Subject: Doorward alert: denied_calls", "Message-ID: <"+a.ID+"@doorward.invalid>", "Auto-Submitted: auto-generated")
	if strings.Contains(got, "\nBcc:") {
		t.Errorf("a name became a header:\n%s", got)
	}
}

// What a server answers is not repeated; a permanent no is one.
func TestMailThatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		answers map[string]string
		want    string
		forever bool
	}{
		"later": {map[string]string{"RCPT": "450 CANARY later"}, "naming a receiver: the server answered 450", false},
		"never": {map[string]string{"RCPT": "550 CANARY never"}, "naming a receiver: the server answered 550", true},
		"login": {map[string]string{"AUTH": "535 CANARY no"}, "signing in: the server answered 535", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := alert()
			err := mailTo(t, newSMTP(t, tc.answers)).Send(t.Context(), &a)
			if err == nil || err.Error() != tc.want {
				t.Fatalf("got %v", err)
			}
			u, ok := errors.AsType[interface {
				error
				Unwanted() bool
			}](err)
			if !ok || u.Unwanted() != tc.forever {
				t.Errorf("forever: %v", err)
			}
		})
	}
}

// Mail goes to nobody else in the clear, and a password neither.
func TestMailWithoutTLS(t *testing.T) {
	s := newSMTP(t, nil)
	m, err := delivery.NewMail(delivery.MailConfig{
		Server: "smtp.example.com:25", From: "doorward@example.com", To: []string{"a@example.com"},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return webhook.Dialer(true).DialContext(ctx, network, s.addr)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := alert()
	if err := m.Send(t.Context(), &a); err == nil || err.Error() != "the server offers no TLS" {
		t.Errorf("got %v", err)
	}
}

// To another machine mail goes over TLS, with STARTTLS or from the first byte, to a
// server whose certificate is good.
func TestMailOverTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate of example.com
	defer web.Close()
	good := x509.NewCertPool()
	good.AddCert(web.Certificate())
	secure := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	for name, tc := range map[string]struct {
		server string
		atOnce bool
		roots  *x509.CertPool
		want   string
	}{
		"STARTTLS":              {"example.com:587", false, good, ""},
		"at once":               {"example.com:465", true, good, ""},
		"another name":          {"example.org:587", false, good, "the server's TLS is not good"},
		"nobody has certified":  {"example.com:587", false, x509.NewCertPool(), "the server's TLS is not good"},
		"at once, another name": {"example.org:465", true, good, "the server's TLS is not good"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecureSMTP(t, nil, secure, tc.atOnce)
			m, err := delivery.NewMail(delivery.MailConfig{
				Server: tc.server, From: "doorward@example.com", To: []string{"a@example.com"}, Roots: tc.roots,
				Username: "doorward", Password: func() (gate.Secret, error) { return gate.NewSecret("CANARY-of-the-password"), nil },
				Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return webhook.Dialer(true).DialContext(ctx, network, s.addr)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			a := alert()
			if err := m.Send(t.Context(), &a); fmt.Sprint(err) != tc.want && (err != nil || tc.want != "") {
				t.Fatalf("got %v", err)
			}
			if tc.want == "" {
				has(t, <-s.got, "AUTH PLAIN", "Subject: Doorward alert")
			}
		})
	}
}
