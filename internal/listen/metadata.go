package listen

import (
	"net/http"
	"slices"

	"doorward/internal/jsonrpc"
)

// describes tells whether there is metadata of a profile: of one that exists, and
// of all upstreams together.
func (s *Settings) describes(profile string) bool {
	return s.Authorization != nil && (profile == "" || slices.Contains(s.Authorization.Profiles, profile))
}

// metadata answers with the protected resource metadata (RFC 9728, section 2) of
// /mcp or of a profile. It is public, needs no sign-in and reads no body.
func (v *visit) metadata() {
	resource := v.base() + string(pathMCP)
	if v.profile != "" {
		resource += "/" + v.profile
	}
	auth := v.settings.Authorization
	b := jsonrpc.AppendString([]byte(`{"resource":`), resource)
	b = appendStrings(append(b, `,"authorization_servers":`...), auth.Servers)
	b = append(b, `,"bearer_methods_supported":["header"],"resource_name":"Doorward"`...)
	if len(auth.Scopes) > 0 {
		b = appendStrings(append(b, `,"scopes_supported":`...), auth.Scopes)
	}
	if len(auth.DPoP) > 0 {
		b = appendStrings(append(b, `,"dpop_signing_alg_values_supported":`...), auth.DPoP)
	}
	v.server.cfg.Meter.Metadata()
	v.out.w.Header().Set("Cache-Control", "public, max-age=300") // a change is told to everybody within five minutes
	_ = v.out.json(http.StatusOK, append(b, '}'))                // a client that is gone has no use for the error
}

func appendStrings(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonrpc.AppendString(b, s)
	}
	return append(b, ']')
}
