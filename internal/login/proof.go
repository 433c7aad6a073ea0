package login

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The ways in which a client proves to a token endpoint who it is (RFC 7591, 2;
// OpenID Connect Core 1.0, 9).
const (
	byNothing = "none"
	byBasic   = "client_secret_basic"
	byPost    = "client_secret_post"
	byKey     = "private_key_jwt"
)

// proof is a client and how it proves who it is. The zero value proves nothing
// and is no client.
type proof struct {
	id     string
	method string
	secret string // for byBasic and byPost
	key    *signingKey
	issuer string // whom the proof is made for; no other issuer takes it
	// registered tells that id and secret are of a registration that Doorward made.
	registered bool
}

// choose picks the way in which a client with what it has can prove itself to
// the server. A server that lists none takes client_secret_basic (RFC 8414, 2).
func (p *proof) choose(s *server) error {
	takes := s.Methods
	if len(takes) == 0 {
		takes = []string{byBasic}
	}
	p.issuer = s.Issuer
	switch {
	case p.id == "":
		return errors.New("there is no client id")
	case p.key != nil && slices.Contains(takes, byKey):
		p.method = byKey
		return p.key.choose(s.Algorithms)
	case p.key != nil:
		return fmt.Errorf("the authorization server takes no %s", byKey)
	case p.secret == "":
		p.method = byNothing // a public client; that it may not be one is for the server to say
	case slices.Contains(takes, byBasic):
		p.method = byBasic
	case slices.Contains(takes, byPost):
		p.method = byPost
	default:
		return errors.New("the authorization server takes neither client_secret_basic nor client_secret_post")
	}
	return nil
}

// put puts the proof into a request to the issuer's token endpoint.
func (p *proof) put(form url.Values, h http.Header) error {
	switch p.method {
	case byBasic:
		req := http.Request{Header: h}
		req.SetBasicAuth(url.QueryEscape(p.id), url.QueryEscape(p.secret)) // RFC 6749, 2.3.1
		return nil
	case byPost:
		form.Set("client_secret", p.secret)
	case byKey:
		assertion, err := p.key.assertion(p.id, p.issuer)
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	case byNothing:
	default:
		return fmt.Errorf("there is no way to prove who the client is (%q)", p.method)
	}
	form.Set("client_id", p.id)
	return nil
}

// signingKey is a client's private key.
type signingKey struct {
	key crypto.Signer
	id  string // kid; may be empty
	alg jose.SignatureAlgorithm
}

// errKey quotes nothing of the key.
var errKey = errors.New("is no private key: want PEM (PKCS #8, PKCS #1 or SEC 1) or a JSON Web Key, RSA of 2048 bits or more, EC P-256, P-384 or P-521, or Ed25519")

// readKey reads a private key from PEM or a JSON Web Key.
func readKey(text string) (*signingKey, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var k jose.JSONWebKey
		if k.UnmarshalJSON([]byte(text)) != nil || k.IsPublic() || !k.Valid() {
			return nil, errKey
		}
		return newSigningKey(k.Key, k.KeyID)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errKey
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return newSigningKey(k, "")
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return newSigningKey(k, "")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return newSigningKey(k, "")
	}
	return nil, errKey
}

func newSigningKey(key any, id string) (*signingKey, error) {
	k := &signingKey{id: id}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return nil, errKey
		}
		k.key, k.alg = key, jose.RS256
	case ed25519.PrivateKey:
		k.key, k.alg = key, jose.EdDSA
	case *ecdsa.PrivateKey:
		k.key = key
		switch key.Curve {
		case elliptic.P256():
			k.alg = jose.ES256
		case elliptic.P384():
			k.alg = jose.ES384
		case elliptic.P521():
			k.alg = jose.ES512
		default:
			return nil, errKey
		}
	default:
		return nil, errKey
	}
	return k, nil
}

// choose picks the algorithm, among those that the server says it takes.
func (k *signingKey) choose(takes []string) error {
	options := []jose.SignatureAlgorithm{k.alg}
	if k.alg == jose.RS256 || k.alg == jose.PS256 {
		options = []jose.SignatureAlgorithm{jose.PS256, jose.RS256}
		if len(takes) == 0 {
			options = []jose.SignatureAlgorithm{jose.RS256} // which every server knows (OpenID Connect Core 1.0, 9)
		}
	}
	for _, alg := range options {
		if len(takes) == 0 || slices.Contains(takes, string(alg)) {
			k.alg = alg
			return nil
		}
	}
	return fmt.Errorf("the authorization server takes no signatures of this kind of key (%s)", options[len(options)-1])
}

// assertionAge is how long an assertion is good: it is used at once.
const assertionAge = time.Minute

// claims are those of an assertion. The audience is one string: RFC 7523bis
// allows no list.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	ID       string `json:"jti"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// assertion is a client's signed word of who it is (RFC 7523, 3). Its audience
// is the issuer alone, so that it is of no use anywhere else (RFC 7523bis, 4).
func (k *signingKey) assertion(client, issuer string) (string, error) {
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if k.id != "" {
		opts = opts.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.key}, opts)
	if err != nil {
		return "", fmt.Errorf("signing who the client is: %w", err)
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(claims{
		Issuer: client, Subject: client, Audience: issuer, ID: rand.Text(),
		Issued: now.Unix(), Expires: now.Add(assertionAge).Unix(),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing who the client is: %w", err)
	}
	return text, nil
}
