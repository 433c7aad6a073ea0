package issuer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// metadataLife is how long an issuer's metadata is used before it is read again.
const metadataLife = time.Hour

// metadata is what an issuer says of itself (RFC 8414), checked.
type metadata struct {
	keys          string // jwks_uri; empty when it is not needed
	introspection string // introspection_endpoint; empty when it is not needed
	token         string // token_endpoint; empty when it is not needed
	at            time.Time
}

// wanted says which parts of the metadata are not configured.
type wanted struct{ keys, introspection, token bool }

// wellKnown lists where an issuer's metadata may be, in order: RFC 8414 §3.1, and
// OpenID Connect Discovery 1.0 §4.1 in the form of RFC 8414 §5 and in its own.
func wellKnown(issuer string) ([]string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, errors.New("the issuer is not a URL")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	host := u.Scheme + "://" + u.Host
	list := []string{
		host + "/.well-known/oauth-authorization-server" + path,
		host + "/.well-known/openid-configuration" + path,
	}
	if path != "" {
		list = append(list, host+path+"/.well-known/openid-configuration")
	}
	return list, nil
}

// discover reads the metadata from the first place that has it.
func (w *web) discover(ctx context.Context, issuer string, want wanted) (*metadata, error) {
	places, err := wellKnown(issuer)
	if err != nil {
		return nil, err
	}
	var faults error
	for _, place := range places {
		raw, err := w.get(ctx, place, "application/json")
		if err == nil {
			var m *metadata
			if m, err = readMetadata(raw, issuer, want); err == nil {
				return m, nil
			}
		}
		if faults = both(faults, fmt.Errorf("%s: %w", place, err)); ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("reading metadata: %w", faults)
}

// maxMetadataDepth is how deep metadata may be nested.
const maxMetadataDepth = 8

// readMetadata checks a document. One that is another issuer's is refused: it
// would lend that issuer's keys to ours (RFC 8414 §3.3, AUT-36).
func readMetadata(raw []byte, issuer string, want wanted) (*metadata, error) {
	o, err := readObject(raw, maxMetadataDepth)
	if err != nil {
		return nil, fmt.Errorf("the document %w", err)
	}
	if why := o.misnamed("issuer", "jwks_uri", "introspection_endpoint", "token_endpoint"); why != "" {
		return nil, errors.New(why)
	}
	if name, ok := text(o["issuer"]); !ok || name != issuer {
		return nil, errors.New("the document is of another issuer, or of none")
	}
	m := &metadata{at: time.Now()}
	for _, part := range []struct {
		name   string
		wanted bool
		to     *string
	}{
		{"jwks_uri", want.keys, &m.keys},
		{"introspection_endpoint", want.introspection, &m.introspection},
		{"token_endpoint", want.token, &m.token},
	} {
		if !part.wanted {
			continue
		}
		address, ok := text(o[part.name])
		if !ok {
			return nil, fmt.Errorf("the document has no %s", part.name)
		}
		if err := checkURL(address, issuer, false); err != nil {
			return nil, fmt.Errorf("%s %w", part.name, err)
		}
		*part.to = address
	}
	return m, nil
}
