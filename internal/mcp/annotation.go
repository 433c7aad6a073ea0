package mcp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"doorward/internal/jsonrpc"
)

// HeaderParams reads the x-mcp-header annotations of an input schema. The
// error names the first that is invalid, and why: the tool must then be
// withheld (2026-07-28, tools, x-mcp-header; security cases MHB-12 and 13).
// resolve and upstream call it.
func HeaderParams(inputSchema []byte) ([]HeaderParam, error) {
	w := annotations{}
	if err := w.schema(inputSchema, nil, true); err != nil {
		return nil, err
	}
	return w.found, nil
}

// annotations walks a schema. Recursion ends with the depth of the document,
// which the parser bounds.
type annotations struct{ found []HeaderParam }

// schema visits one schema. reachable says that properties alone led to it.
func (w *annotations) schema(raw []byte, path []string, reachable bool) error {
	if !isObject(raw) {
		return nil // true and false are schemas too
	}
	return jsonrpc.Members(raw, func(name string, _, at jsonrpc.Span) error {
		value := raw[at.Start:at.End]
		switch name {
		case "x-mcp-header":
			return w.add(raw, value, path, reachable)
		case "properties":
			return w.each(value, path, reachable)
		case "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions":
			return w.each(value, path, false)
		case "items", "prefixItems", "additionalItems", "contains", "additionalProperties", "unevaluatedItems",
			"unevaluatedProperties", "propertyNames", "allOf", "anyOf", "oneOf", "not", "if", "then", "else":
			return w.under(value, path)
		}
		return nil
	})
}

// each visits the schemas of an object whose keys are names.
func (w *annotations) each(raw []byte, path []string, reachable bool) error {
	if !isObject(raw) {
		return nil
	}
	return jsonrpc.Members(raw, func(name string, _, at jsonrpc.Span) error {
		return w.schema(raw[at.Start:at.End], append(slices.Clip(path), name), reachable)
	})
}

// under visits a schema, or an array of them, where no annotation may stand.
func (w *annotations) under(raw []byte, path []string) error {
	if len(raw) == 0 || raw[0] != '[' {
		return w.schema(raw, path, false)
	}
	return jsonrpc.Elements(raw, func(at jsonrpc.Span) error {
		return w.schema(raw[at.Start:at.End], path, false)
	})
}

func (w *annotations) add(schema, value []byte, path []string, reachable bool) error {
	bad := func(why string) error {
		return fmt.Errorf("parameter %.80q: x-mcp-header %s", strings.Join(path, "."), why)
	}
	name, ok := unquote(value)
	kind, _ := memberText(schema, "type")
	_, ref := member(schema, "$ref")
	switch {
	case !ok || name == "":
		return bad("is not a string with text in it")
	case len(name) > 128 || !isHeaderName(name):
		return bad("is no header name of at most 128 characters")
	case !reachable || ref || len(path) == 0:
		return bad("stands where properties alone do not lead")
	case kind != "string" && kind != "integer" && kind != "boolean":
		return bad("is on a parameter that is no string, integer or boolean")
	case isReserved(name):
		return bad("takes the name of a header with a meaning of its own")
	case isSecret(path[len(path)-1]):
		return bad("would put a secret into a header")
	}
	for _, p := range w.found {
		if strings.EqualFold(p.Name, name) {
			return bad("is the same as that of " + strings.Join(p.Path, "."))
		}
	}
	w.found = append(w.found, HeaderParam{Name: name, Path: slices.Clone(path), Type: kind})
	return nil
}

// isHeaderName tells whether s is 1*tchar (RFC 9110 section 5.6.2).
func isHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isReserved knows the headers whose names a parameter must not take: an
// intermediary that drops the prefix would confuse the two.
func isReserved(name string) bool {
	name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Host", "Origin", "Connection",
		"Content-Length", "Content-Type", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Forwarded", "Via",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Last-Event-Id":
		return true
	}
	return strings.HasPrefix(name, "Mcp-")
}

// isSecret knows names of parameters whose value must not be repeated where
// proxies write logs.
func isSecret(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	switch name {
	case "password", "passwd", "passphrase", "secret", "clientsecret", "token", "accesstoken", "refreshtoken",
		"idtoken", "apikey", "privatekey", "authorization", "credential", "credentials", "cookie":
		return true
	}
	return false
}
