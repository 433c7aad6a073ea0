package store_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// refused opens Redis, which must fail for the reason, without the password.
func refused(t *testing.T, cfg store.RedisConfig, reason string) {
	t.Helper()
	r, err := store.OpenRedis(t.Context(), cfg)
	if err == nil {
		closing(t, r)
		t.Fatalf("opened; want it refused for %q", reason)
	}
	if !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "sesame") {
		t.Errorf("the error is %q; want %q and no password", err, reason)
	}
}

func TestRedisURLs(t *testing.T) {
	const prefix = "{" // is looked at after the URL, so that nothing is dialed
	for url, reason := range map[string]string{
		"":                                     "neither",
		"http://127.0.0.1:6379":                "neither",
		"unix:///run/redis.sock":               "neither",
		"redis:127.0.0.1":                      "is not redis://",
		"redis://":                             "is not redis://",
		"redis://:6379":                        "is not redis://",
		"redis://127.0.0.1:0":                  "is not redis://",
		"redis://127.0.0.1:65536":              "is not redis://",
		"redis://127.0.0.1#x":                  "is not redis://",
		"redis://127.0.0.1/x":                  "number of a database",
		"redis://127.0.0.1/-1":                 "number of a database",
		"redis://127.0.0.1/0/1":                "number of a database",
		"redis://u:open sesame@127.0.0.1":      "cannot be read",
		"redis://u:sesame/x@127.0.0.1":         "cannot be read",
		"redis://u:sesame%zz@127.0.0.1":        "cannot be read",
		"redis://127.0.0.1?skip_verify=true":   "query",
		"redis://127.0.0.1?insecure=false":     "query",
		"redis://127.0.0.1?insecure=true&x=1":  "query",
		"rediss://cache.example?insecure=true": "is for redis://",
		"redis://:sesame@cache.example":        "is for loopback",
		"redis://:sesame@10.0.0.1":             "is for loopback",
		"redis://localhost.example":            "is for loopback",
		"redis://0.0.0.0":                      "is for loopback",
		"redis://127.0.0.1":                    "a prefix",
		"redis://u:sesame@127.0.0.1:6380/15":   "a prefix",
		"redis://localhost/":                   "a prefix",
		"redis://[::1]:6379":                   "a prefix",
		"rediss://:sesame@cache.example":       "a prefix",
		"redis://cache.example?insecure=true":  "a prefix",
	} {
		t.Run(url, func(t *testing.T) {
			refused(t, store.RedisConfig{URL: url, Prefix: prefix}, reason)
		})
	}
	for _, prefix := range []string{"a b", "a\n", "ä", "a}", strings.Repeat("x", 65)} {
		refused(t, store.RedisConfig{URL: "redis://127.0.0.1", Prefix: prefix}, "a prefix")
	}
	refused(t, store.RedisConfig{URL: "rediss://127.0.0.1", TLS: &tls.Config{InsecureSkipVerify: true}}, "must be verified")
}

// FuzzRedisURL: whatever surrounds a password in a URL, no error quotes it.
func FuzzRedisURL(f *testing.F) {
	f.Add("redis", "user", "", "127.0.0.1:6379/0")
	f.Add("rediss", "", "/x?#@:%", "cache.example?insecure=true")
	f.Fuzz(func(t *testing.T, scheme, user, more, rest string) {
		const password = "s3same"
		url := scheme + "://" + user + ":" + password + more + "@" + rest
		_, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: url, Prefix: "{"})
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("OpenRedis(%q) = %v", url, err)
		}
	})
}

// A server that could forget, or that is not where the state is, is refused.
func TestRedisServersThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		edit   map[string]string // of what the server says
		reason string
	}{
		"allkeys-lru":       {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, nil, "noeviction"},
		"volatile-ttl":      {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"}, nil, "noeviction"},
		"noeviction":        {[]string{"--maxmemory", "100mb"}, nil, ""},
		"no maxmemory":      {[]string{"--maxmemory-policy", "allkeys-lru"}, nil, ""},
		"too old":           {nil, map[string]string{`redis_version:\d+`: "redis_version:5"}, "older than 6.2"},
		"no version":        {nil, map[string]string{`redis_version:`: "redis_xersion:"}, "older than 6.2"},
		"no run":            {nil, map[string]string{`run_id:`: "run_xx:"}, "run_id"},
		"no policy":         {nil, map[string]string{`maxmemory:`: "xaxmemory:", `maxmemory_policy:`: "xaxmemory_policy:"}, "noeviction"},
		"another clock":     {nil, map[string]string{`^:-?[01]\r\n$`: ":31\r\n"}, "31 s from ours"},
		"another clock, -":  {nil, map[string]string{`^:-?[01]\r\n$`: ":-31\r\n"}, "-31 s from ours"},
		"a clock with lag":  {nil, map[string]string{`^:-?[01]\r\n$`: ":30\r\n"}, ""},
		"quotes a password": {nil, map[string]string{`^\+PONG\r\n$`: "-ERR unknown command PING open sesame\r\n"}, "is not shown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Redis(t, c.args...)
			link := storetest.NewLink(t, s.Addr, func(piece []byte) []byte {
				for pattern, text := range c.edit {
					piece = regexp.MustCompile(pattern).ReplaceAll(piece, []byte(text))
				}
				return piece
			})
			cfg := store.RedisConfig{URL: s.URLAt(link.Addr)}
			if c.reason != "" {
				refused(t, cfg, c.reason)
				return
			}
			openRedis(t, cfg.URL)
		})
	}
	t.Run("a replica", func(t *testing.T) {
		t.Parallel()
		_, port, err := net.SplitHostPort(storetest.Redis(t).Addr)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, store.RedisConfig{URL: storetest.Redis(t, "--replicaof", "127.0.0.1 "+port).URL()}, "only a master")
	})
	t.Run("no INFO", func(t *testing.T) {
		t.Parallel()
		s := storetest.Redis(t)
		s.Do("ACL", "SETUSER", "gateway", "on", ">sesame", "~*", "+@all", "-info")
		refused(t, store.RedisConfig{URL: "redis://gateway:sesame@" + s.Addr}, "INFO")
	})
	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		refused(t, store.RedisConfig{URL: "redis://:sesame@" + storetest.Redis(t).Addr}, "WRONGPASS")
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		refused(t, store.RedisConfig{URL: "redis://:sesame@127.0.0.1:" + strconv.Itoa(storetest.FreePort(t))}, "refused")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// The documented rights are enough, and a policy that changes while the gateway
// runs is seen with the next connection.
func TestRedisIsLookedAtWithEachConnection(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	rights := strings.Fields("ACL SETUSER gateway on >sesame ~doorward:* -@all +ping +info +time +get +set +del +hget +hset +hdel +hlen +hscan +eval +evalsha")
	args := make([]any, len(rights))
	for i, r := range rights {
		args[i] = r
	}
	s.Do(args...)
	log := &logged{}
	r, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: "redis://gateway:sesame@" + s.Addr, Log: logger(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	n := store.NewRedisNonces(r, 0)
	list, err := store.OpenRedisRevocations(t.Context(), r, revokedKey)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, list)
	revoke(t, list, "alice")
	approvals, err := store.OpenRedisApprovals(t.Context(), r, approvalsKey)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, approvals)
	grantIt(t, approvals, askFor(t, approvals, 1).ID)
	if _, used, err := approvals.Use(t.Context(), asking(1).Binding); !used || err != nil {
		t.Errorf("using an approval: %v, %v", used, err)
	}
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	if fresh, err := n.Use(t.Context(), "key", made, made.Add(10*time.Minute)); !fresh || err != nil {
		t.Errorf("Use = %v, %v", fresh, err)
	}
	sessions := store.NewRedisSessions(r)
	beginSession(t, sessions, "one", lasting)
	if !askedAbout(t, sessions, "one", true) {
		t.Error("a session is not known")
	}
	if err := sessions.End(t.Context(), "one"); err != nil || askedAbout(t, sessions, "one", true) {
		t.Errorf("ending a session: %v", err)
	}
	if log.count("append-only") != 1 {
		t.Error("no warning of a server that keeps nothing")
	}
	s.Do("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
	s.Do("CLIENT", "KILL", "USER", "gateway")
	if fresh, err := n.Use(t.Context(), "another", made, made.Add(10*time.Minute)); fresh || err == nil {
		t.Errorf("with a server that evicts: Use = %v, %v", fresh, err)
	}
	s.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return n.Healthy(t.Context()) == nil })
}

// Two deployments on one server have a memory each.
func TestRedisPrefixes(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	for _, prefix := range []string{"one:", "two:", ""} {
		r, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: s.URL(), Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, r)
		made := time.Now().Truncate(time.Second).Add(2 * time.Second) // the memory has begun before
		if fresh, err := store.NewRedisNonces(r, 0).Use(t.Context(), "key", made, made.Add(10*time.Minute)); !fresh || err != nil {
			t.Errorf("%q: Use = %v, %v", prefix, fresh, err)
		}
		list, err := store.OpenRedisRevocations(t.Context(), r, revokedKey)
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, list)
		if isRevoked(list, "alice") {
			t.Errorf("%q: alice is revoked", prefix)
		}
		revoke(t, list, "alice")
	}
}

// With rediss:// the certificate must be that of the host, from a known authority.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), storetest.FreePort(t)
	roots := certificate(t, dir, "localhost")
	storetest.Redis(t, "--tls-port", strconv.Itoa(port), "--tls-cert-file", filepath.Join(dir, "cert.pem"),
		"--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", filepath.Join(dir, "cert.pem"), "--tls-auth-clients", "no")
	url := func(host string) string { return fmt.Sprintf("rediss://:open%%20sesame@%s:%d", host, port) }
	r, err := store.OpenRedis(t.Context(), store.RedisConfig{URL: url("localhost"), TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	made := time.Now().Truncate(time.Second).Add(2 * time.Second)
	if fresh, err := store.NewRedisNonces(r, 0).Use(t.Context(), "key", made, made.Add(10*time.Minute)); !fresh || err != nil {
		t.Errorf("Use = %v, %v", fresh, err)
	}
	refused(t, store.RedisConfig{URL: url("localhost")}, "certificate")
	refused(t, store.RedisConfig{URL: url("127.0.0.1"), TLS: &tls.Config{RootCAs: roots}}, "certificate")
}

// certificate makes a certificate that vouches for itself.
func certificate(t *testing.T, dir, host string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return roots
}

// A network that may read and change all is named in the log, without the password.
func TestRedisWithoutEncryptionIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is dialed
	_, err := store.OpenRedis(ctx, store.RedisConfig{URL: "redis://:sesame@cache.invalid?insecure=true", Log: logger(&log)})
	if err == nil || !strings.Contains(log.String(), "not encrypted") || strings.Contains(log.String()+err.Error(), "sesame") {
		t.Errorf("%v, log %q", err, log.String())
	}
}
