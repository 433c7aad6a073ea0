package listen

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/durable"
)

const (
	lookEvery = time.Second // at files that may have changed
	maxPEM    = 1 << 20     // bytes of a file of certificates, or of a key
	maxCRL    = 64 << 20    // bytes of a file of revocation lists

	// settled is how long a file must have been unchanged before its time alone says that it
	// still is: two changes within one tick of a file system's clock have the same time. FAT's
	// tick, the coarsest, is 2 s.
	settled = 2 * time.Second
)

// seldom lets something be logged once a minute, that many clients could cause.
type seldom struct{ last atomic.Int64 } // Unix seconds

func (s *seldom) now() bool {
	now, before := time.Now().Unix(), s.last.Load()
	return now-before >= 60 && s.last.CompareAndSwap(before, now)
}

// kept is what was made of files. When they change it is made again; when that
// fails the last good one stays, and the failure is logged and told.
type kept[T any] struct {
	log   *slog.Logger
	what  string
	paths []string
	make  func() (T, error)

	mu     sync.Mutex
	looked time.Time
	seen   []sight // of the files that were last read
	value  T
	err    error
}

// sight is a file as it was looked at.
type sight struct {
	os.FileInfo                   // nil: it was not there
	young       bool              // it was changed just now, and its time does not tell it from another
	sum         [sha256.Size]byte // of its content, where it is young or was at the last look
}

// keep makes something of the files at paths for the first time.
func keep[T any](log *slog.Logger, what string, read func() (T, error), paths ...string) (*kept[T], error) {
	k := &kept[T]{log: log, what: what, paths: paths, make: read}
	k.seen, k.looked = k.look(), time.Now()
	if k.value, k.err = read(); k.err != nil {
		return nil, k.err
	}
	return k, nil
}

// get is the newest good value, and why there is none that is newer.
func (k *kept[T]) get() (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.looked) >= lookEvery {
		k.looked = now
		k.refresh()
	}
	return k.value, k.err
}

// refresh reads the files again when they have changed, or could not be used.
// Called with the lock.
func (k *kept[T]) refresh() {
	seen := k.look()
	changed := !same(seen, k.seen)
	if !changed && k.err == nil {
		k.seen = seen // a file is no longer young
		return
	}
	value, err := k.make()
	switch {
	case err == nil:
		k.value = value
		k.log.Info("file read again", "what", k.what, "paths", k.paths)
	case changed || k.err == nil || err.Error() != k.err.Error():
		k.log.Error("file not usable", "what", k.what, "paths", k.paths, "error", err)
	}
	k.seen, k.err = seen, err
}

// look is before reading, so that a change in between is seen the next time.
func (k *kept[T]) look() []sight {
	all := make([]sight, len(k.paths))
	for i, p := range k.paths {
		s := &all[i]
		s.FileInfo, _ = os.Stat(p) // reading says why it cannot be read
		s.young = s.FileInfo != nil && time.Since(s.ModTime()) <= settled
		if s.young || k.seen != nil && k.seen[i].young {
			content, _ := durable.ReadNamed(p, maxCRL) // as above
			s.sum = sha256.Sum256(content)
		}
	}
	return all
}

// same tells whether files are as they were at the look before.
func same(now, before []sight) bool {
	for i := range now {
		a, b := &now[i], &before[i]
		switch {
		case (a.FileInfo == nil) != (b.FileInfo == nil):
			return false
		case a.FileInfo == nil:
		case !os.SameFile(a.FileInfo, b.FileInfo) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()):
			return false
		case b.young && a.sum != b.sum:
			return false
		}
	}
	return true
}

// readPair reads the gateway's own certificate, which must be valid now.
func readPair(cert, key string) (*tls.Certificate, error) {
	certPEM, err := durable.ReadNamed(cert, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	keyPEM, err := durable.ReadNamed(key, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate's key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate %s and its key: %w", cert, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("reading the certificate %s: %w", cert, err)
		}
	}
	switch now := time.Now(); {
	case now.Before(pair.Leaf.NotBefore):
		return nil, fmt.Errorf("the certificate %s is not valid before %s", cert, pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("the certificate %s has expired on %s", cert, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return &pair, nil
}

// readAuthorities reads the certificates of a PEM file. Anything else in it is an
// error: an authority that was left out unseen would be missed later.
func readAuthorities(path string) (*x509.CertPool, []*x509.Certificate, error) {
	rest, err := durable.ReadNamed(path, maxPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("reading authorities: %w", err)
	}
	pool, all := x509.NewCertPool(), []*x509.Certificate{}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, nil, fmt.Errorf("reading authorities %s: it holds a %s", path, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("reading authorities %s: %w", path, err)
		}
		pool.AddCert(cert)
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("reading authorities %s: it holds no certificate in PEM", path)
	}
	return pool, all, nil
}
