package listen_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/listen"
)

// ADM-02: TLS that would not work is no start.
func TestADM02_TLSMustBeGoodAtTheStart(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*vault)
		says   string
	}{
		{"nothing", func(v *vault) { v.config.Cert = "" }, "certificate or ACME"},
		{"both", func(v *vault) { v.config.ACME = &listen.ACME{Hosts: []string{"a.test"}, CacheDir: v.dir} }, "not both"},
		{"ACME without hosts", func(v *vault) { v.config.Cert, v.config.ACME = "", &listen.ACME{CacheDir: v.dir} }, "host"},
		{"no certificate", func(v *vault) { v.config.Cert = v.path("none") }, "no such file"},
		{"no key", func(v *vault) { v.config.Key = v.path("none") }, "no such file"},
		{"expired", func(v *vault) {
			v.certificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		}, "has expired on"},
		{"not valid yet", func(v *vault) {
			v.certificate(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
		}, "is not valid before"},
		{"another key", func(v *vault) {
			old, err := os.ReadFile(v.config.Key)
			if err != nil {
				t.Fatal(err)
			}
			v.certificate(t, nil)
			put(t, v.config.Key, old)
		}, "private key does not match"},
		{"no PEM", func(v *vault) { put(t, v.config.Cert, []byte("hello")) }, "reading the certificate"},
		{"too large", func(v *vault) { put(t, v.config.Cert, make([]byte, 2<<20)) }, "larger than"},
		{"no authorities", func(v *vault) { v.config.ClientCA = v.path("none") }, "no such file"},
		{"authorities without PEM", func(v *vault) {
			v.config.ClientCA = v.path("ca")
			put(t, v.config.ClientCA, []byte("hello"))
		}, "no certificate"},
		{"a key among the authorities", func(v *vault) { v.config.ClientCA = v.config.Key }, "it holds a PRIVATE KEY"},
		{"list without authorities", func(v *vault) { v.config.ClientCRL = v.path("crl") }, "needs those who certify"},
		{"no list", func(v *vault) { v.config.ClientCA, v.config.ClientCRL = v.config.Cert, v.path("none") }, "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := newVault(t)
			tc.change(v)
			if made, err := listen.NewTLS(v.config); err == nil || made != nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want it to say %q", err, tc.says)
			}
		})
	}
}

// TestTLSVersions: nothing older than the minimum, which is at least 1.2.
func TestTLSVersions(t *testing.T) {
	for _, tc := range []struct {
		least, client uint16
		want          bool
	}{
		{0, tls.VersionTLS11, false},
		{tls.VersionTLS10, tls.VersionTLS11, false},
		{0, tls.VersionTLS12, true},
		{tls.VersionTLS13, tls.VersionTLS12, false},
		{tls.VersionTLS13, tls.VersionTLS13, true},
	} {
		v := newVault(t)
		v.config.MinVersion = tc.least
		_, addr := startAt(t, place{tls: v.open(t)})
		conf := v.dialer(nil)
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS10, tc.client
		if got := status(t, caller(t, conf, false), addr) == 200; got != tc.want {
			t.Errorf("least %x, client %x: %v", tc.least, tc.client, got)
		}
	}
}

// passes lets the time pass in which a change of files is seen.
func passes() { time.Sleep(2 * time.Second) } // in a bubble: no time at all

// A certificate is read again when it changes, and the old one stays while the new
// one cannot be used.
func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, in := newVault(t), newPipes()
		startAt(t, place{tls: v.open(t), listener: in})
		serial := func() string {
			raw, err := in.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			c := tls.Client(raw, v.dialer(nil))
			defer raw.Close()
			if err := c.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
		first := serial()
		next := v.certificate(t, nil).SerialNumber.String()
		if got := serial(); got != first {
			t.Errorf("files are looked at more than once a second: %s is shown", got)
		}
		passes()
		if got := serial(); got != next || !strings.Contains(v.log.text(), "file read again") {
			t.Errorf("%s is shown, want %s; log %s", got, next, v.log.text())
		}
		for _, spoil := range []func(){
			func() { v.certificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }) },
			func() { _ = os.Remove(v.config.Cert) },
			func() { put(t, v.config.Cert, []byte("hello")) },
			func() { put(t, v.config.Key, []byte("hello")) },
		} {
			spoil()
			logged := strings.Count(v.log.text(), "file not usable")
			for range 3 {
				passes()
				if got := serial(); got != next {
					t.Errorf("%s is shown, want %s", got, next)
				}
			}
			if n := strings.Count(v.log.text(), "file not usable"); n != logged+1 {
				t.Errorf("logged %d times", n-logged)
			}
		}
		last := v.certificate(t, nil).SerialNumber.String()
		passes()
		if got := serial(); got != last {
			t.Errorf("%s is shown, want %s", got, last)
		}
	})
}

// A certificate that is written where another stood, as long as that and within one tick of the
// file system's clock, is read again all the same.
func TestCertificateOfTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, in := newVault(t), newPipes()
		began := time.Now()
		paths := [...]string{v.config.Cert, v.config.Key}
		content := func() (all [len(paths)][]byte) {
			for i, path := range paths {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				all[i] = append(text, bytes.Repeat([]byte("\n"), 4096-len(text))...)
			}
			return all
		}
		write := func(all [len(paths)][]byte) {
			for i, path := range paths {
				if err := errors.Join(os.WriteFile(path, all[i], 0o600), os.Chtimes(path, began, began)); err != nil {
					t.Fatal(err)
				}
			}
		}
		first := content()
		next := v.certificate(t, nil).SerialNumber.String()
		second := content()
		write(first)
		startAt(t, place{tls: v.open(t), listener: in})
		write(second)
		passes()
		raw, err := in.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(raw, v.dialer(nil))
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.ConnectionState().PeerCertificates[0].SerialNumber.String(); got != next {
			t.Errorf("%s is shown, want %s", got, next)
		}
	})
}
