package issuer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// How Doorward authenticates at an introspection endpoint (RFC 7591 §2).
const (
	methodBasic      = "client_secret_basic"
	methodPost       = "client_secret_post"
	methodPrivateKey = "private_key_jwt"
)

// assertionLife is how long an assertion may be used.
const assertionLife = time.Minute

// clientProof proves to an issuer that Doorward asks.
type clientProof struct {
	issuer   string
	settings *Introspection

	mu     sync.Mutex // guards the rest
	text   string     // of the key that signer signs with
	signer jose.Signer
}

// secret is the secret or the key that proves it now.
func (p *clientProof) secret() (string, error) {
	if p.settings.Method == methodPrivateKey {
		pemText, err := p.settings.PrivateKeyPEM()
		if err != nil {
			return "", fmt.Errorf("reading the private key: %w", err)
		}
		return pemText, nil
	}
	text, err := p.settings.Secret()
	if err != nil {
		return "", fmt.Errorf("reading the client secret: %w", err)
	}
	if text == "" {
		return "", errors.New("the client secret is empty")
	}
	return text, nil
}

// instead is another version of it than the one that was refused, while it is replaced.
func (p *clientProof) instead(refused string) (text string, ok bool) {
	if p.settings.Instead == nil {
		return "", false
	}
	text, ok = p.settings.Instead(refused)
	return text, ok && text != ""
}

// add adds the proof by a secret or a key to a request.
func (p *clientProof) add(header http.Header, form url.Values, secret string) error {
	id := p.settings.ClientID
	if p.settings.Method == methodPrivateKey {
		assertion, err := p.assertion(secret)
		if err != nil {
			return err
		}
		form.Set("client_id", id)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
		return nil
	}
	if p.settings.Method == methodPost {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
		return nil
	}
	// RFC 6749 §2.3.1: both are form-encoded before they are joined.
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return nil
}

// assertion is a JWT for the issuer alone, once, for a minute (RFC 7523 §3).
func (p *clientProof) assertion(pemText string) (string, error) {
	signer, err := p.signs(pemText)
	if err != nil {
		return "", err
	}
	now := time.Now()
	signed, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.settings.ClientID, Subject: p.settings.ClientID, Audience: jwt.Audience{p.issuer},
		ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", errors.New("the assertion cannot be signed")
	}
	return signed, nil
}

// signs is a signer with the key, made anew when the key is another than before.
func (p *clientProof) signs(pemText string) (jose.Signer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signer != nil && p.text == pemText {
		return p.signer, nil
	}
	private, alg, err := readPrivateKey(pemText)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if p.settings.KeyID != "" {
		options.WithHeader("kid", p.settings.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, options)
	if err != nil {
		return nil, errors.New("the private key cannot sign")
	}
	p.text, p.signer = pemText, signer
	return signer, nil
}

// readPrivateKey reads one key in PEM, and which algorithm it signs with. Its
// errors quote nothing of it.
func readPrivateKey(text string) (any, jose.SignatureAlgorithm, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, "", errors.New("the private key is not PEM")
	}
	var private any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, "", errors.New("the private key is neither PKCS #8, SEC 1 nor PKCS #1, in the clear")
	}
	if err != nil {
		return nil, "", errors.New("the private key cannot be read")
	}
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return nil, "", errors.New("the private key is an RSA key of less than 2048 or more than 8192 bits")
		}
		return k, jose.RS256, nil
	case ed25519.PrivateKey:
		return k, jose.EdDSA, nil
	case *ecdsa.PrivateKey:
		if alg, ok := map[string]jose.SignatureAlgorithm{kindP256: jose.ES256, kindP384: jose.ES384, kindP521: jose.ES512}[k.Params().Name]; ok {
			return k, alg, nil
		}
	}
	return nil, "", errors.New("the private key is of a kind that is not used here")
}
