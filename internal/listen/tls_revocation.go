package listen

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"doorward/internal/durable"
)

// revocations are the revocation lists of those who certify clients.
type revocations []revocation

// revocation is one authority's list (RFC 5280, section 5).
type revocation struct {
	issuer  []byte              // its name, in DER
	until   time.Time           // when the next list was due
	serials map[string]struct{} // of the revoked certificates, as big-endian bytes
}

// readRevocations reads the lists at path. Each must be signed by a certificate of
// the authorities' file.
func readRevocations(path, authorities string) (revocations, error) {
	raw, err := durable.ReadNamed(path, maxCRL)
	if err != nil {
		return nil, fmt.Errorf("reading revocation lists: %w", err)
	}
	_, issuers, err := readAuthorities(authorities)
	if err != nil {
		return nil, err
	}
	lists := revocations{}
	for _, der := range listsIn(raw) {
		list, err := readRevocation(der, issuers)
		if err != nil {
			return nil, fmt.Errorf("reading revocation lists %s: %w", path, err)
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, fmt.Errorf("reading revocation lists %s: it holds none", path)
	}
	return lists, nil
}

// listsIn are the DER forms of the lists in a file, which is PEM or one list in DER.
func listsIn(raw []byte) [][]byte {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("-----BEGIN")) {
		return [][]byte{raw}
	}
	var all [][]byte
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Bytes)
	}
	return all
}

func readRevocation(der []byte, issuers []*x509.Certificate) (revocation, error) {
	parsed, err := x509.ParseRevocationList(der)
	if err != nil {
		return revocation{}, err
	}
	if !signedByOne(parsed, issuers) {
		return revocation{}, fmt.Errorf("the list of %s is not signed by a certificate of client_ca", parsed.Issuer)
	}
	for _, e := range parsed.Extensions {
		if e.Critical { // a delta, or a list of a part only (RFC 5280, section 5.2)
			return revocation{}, fmt.Errorf("the list of %s has the critical extension %s, which is not supported", parsed.Issuer, e.Id)
		}
	}
	list := revocation{issuer: parsed.RawIssuer, until: parsed.NextUpdate, serials: make(map[string]struct{}, len(parsed.RevokedCertificateEntries))}
	for _, e := range parsed.RevokedCertificateEntries {
		list.serials[string(e.SerialNumber.Bytes())] = struct{}{}
	}
	return list, nil
}

func signedByOne(list *x509.RevocationList, issuers []*x509.Certificate) bool {
	for _, issuer := range issuers {
		if bytes.Equal(list.RawIssuer, issuer.RawSubject) && list.CheckSignatureFrom(issuer) == nil {
			return true
		}
	}
	return false
}

// errUntold says that nobody can tell whether a certificate is revoked.
var errUntold = errors.New("no revocation list tells about the certificate")

// judge tells why cert is not known to be good: it is on a list of its issuer, or
// its issuer has no list, or one that is out of date. The last two are errUntold.
func (r revocations) judge(cert *x509.Certificate, now time.Time) error {
	covered := false
	for i := range r {
		if !bytes.Equal(r[i].issuer, cert.RawIssuer) {
			continue
		}
		covered = true
		if !now.Before(r[i].until) { // also a list that does not say until when
			return fmt.Errorf("%w: that of %s is out of date since %s", errUntold, cert.Issuer, r[i].until.UTC().Format(time.RFC3339))
		}
		if _, revoked := r[i].serials[string(cert.SerialNumber.Bytes())]; revoked {
			return errors.New("the certificate is revoked")
		}
	}
	if !covered {
		return fmt.Errorf("%w: there is none of %s", errUntold, cert.Issuer)
	}
	return nil
}
