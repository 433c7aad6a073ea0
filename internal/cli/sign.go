package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/durable"
	"doorward/internal/httpsig"
	"doorward/internal/secret"
)

// toSign is what `doorward sign` is asked for.
type toSign struct {
	url, method, data, key, keyID string
	headers                       []string
	curl                          bool
}

// signed is a request that another program can send: with these headers and the
// body that was signed.
type signed struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

func (r *run) signCommand() *cobra.Command {
	var o toSign
	c := &cobra.Command{
		Use: "sign --url URL", Short: "Sign a request, for another program to send", Args: cobra.NoArgs,
		Long: `Sign one request with an API key that was made with --signing, and print the headers to
send it with: those given and those of the signature. The signature is good once, for exactly
this method, URL, body and these headers, and for as long as the gateway's window
(identity.signed_requests) says. URL is the one by which the gateway knows itself
(listen.public_url). The key is never printed, and never an argument: --key says where it is.`,
		Example: `  export DOORWARD_KEY DOORWARD_KEY_ID        # the key and its id, as doorward key create shows them
  doorward sign --url https://mcp.example.com/mcp --data @call.json >headers
  curl -H @headers --data-binary @call.json https://mcp.example.com/mcp
  doorward sign --url https://mcp.example.com/mcp --data @call.json --curl | sh
  doorward sign --url https://mcp.example.com/mcp --header 'Mcp-Method: tools/list' \
    --data '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' --key file:/etc/doorward/me.key --key-id k_…`,
		RunE: func(*cobra.Command, []string) error { return r.sign(o) },
	}
	f := c.Flags()
	f.StringVar(&o.url, "url", "", "where the request goes, path and query included")
	f.StringVar(&o.method, "method", http.MethodPost, "HTTP method")
	f.StringVar(&o.data, "data", "", "the body: @FILE, - for stdin, or the text itself (default: none)")
	f.StringArrayVar(&o.headers, "header", nil, "a header to send and sign, as 'Name: value'; may be repeated. With a body, Content-Type is application/json unless given")
	f.StringVar(&o.key, "key", "env:"+keyVariable, "where the key is: env:NAME or file:PATH, never the key itself")
	f.StringVar(&o.keyID, "key-id", r.Getenv("DOORWARD_KEY_ID"), "the key's public id (k_…); DOORWARD_KEY_ID sets the default")
	f.BoolVar(&o.curl, "curl", false, "print a whole curl command instead of the headers")
	return c
}

// sign signs the request and prints what to send.
func (r *run) sign(o toSign) error {
	if err := r.checkToSign(o); err != nil {
		return err
	}
	base, target, err := splitURL(o.url)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	header, err := headersToSign(o.headers)
	if err != nil {
		return fmt.Errorf("--header: %w", err)
	}
	if o.data != "" && header["Content-Type"] == nil {
		header.Set("Content-Type", "application/json")
	}
	digest, err := r.digestOf(o.data)
	if err != nil {
		return failed(fmt.Errorf("--data: %w", err))
	}
	text, err := r.signingKey(o.key)
	if err != nil {
		return failed(err)
	}
	made, err := httpsig.Sign(
		httpsig.Request{Method: o.method, Base: base, Target: target, Header: header, Cover: slices.Collect(maps.Keys(header))},
		httpsig.Key{ID: o.keyID, Secret: httpsig.Secret(text)},
		httpsig.Params{Created: time.Now(), Nonce: rand.Text(), Digest: digest},
	)
	if err != nil {
		return err
	}
	maps.Copy(header, made)
	out := signed{Method: o.method, URL: base + target, Headers: map[string]string{}}
	for name := range header {
		out.Headers[name] = header.Get(name)
	}
	return r.put(out, func(w io.Writer) error {
		if o.curl {
			return out.putCurl(w, o.data)
		}
		return out.putHeaders(w)
	})
}

// checkToSign finds the faults of the flags. A key among them is not repeated.
func (r *run) checkToSign(o toSign) error {
	key := regexp.MustCompile(`dw_[A-Za-z0-9_-]{43}`)
	switch {
	case slices.ContainsFunc(append([]string{o.url, o.method, o.data, o.key, o.keyID}, o.headers...), key.MatchString):
		return errors.New("an API key is among the arguments, where every program on this machine can read it: make another, " +
			"and say where it is with --key env:NAME or --key file:PATH")
	case o.url == "":
		return errors.New("--url is missing: give the URL that the request goes to")
	case o.keyID == "":
		return errors.New("--key-id is missing: give the id (k_…) that `doorward key create` showed beside the key, or set DOORWARD_KEY_ID")
	case !strings.HasPrefix(o.keyID, "k_"):
		return errors.New("--key-id is not the id of a key: those begin with k_, and `doorward key list` shows them")
	case o.curl && r.format == "json":
		return errors.New("--curl prints a command for a shell, and --format json asks for JSON: leave one of them out")
	case o.curl && fromStdin(o.data):
		return errors.New("--curl prints a command that reads the body again, and stdin is read once: give --data @FILE")
	}
	return nil
}

// splitURL is what is signed of a URL: its scheme and authority in canonical
// form, and the path and query exactly as they are written.
func splitURL(raw string) (base, target string, err error) {
	if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", "", errors.New("write spaces and characters beyond ASCII in their percent-encoded form")
	}
	if strings.Contains(raw, "#") {
		return "", "", errors.New("leave out the fragment (#…): it is never sent")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", "", errors.New("this is no URL: give one such as https://mcp.example.com/mcp")
	}
	if base, err = httpsig.BaseOf(u); err != nil {
		return "", "", err
	}
	_, rest, _ := strings.Cut(raw, "://")
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		target = rest[at:]
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return base, target, nil
}

// headersToSign reads headers as curl takes them.
func headersToSign(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		name, value = http.CanonicalHeaderKey(name), strings.Trim(value, " \t")
		switch {
		case !found || !regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$").MatchString(name):
			return nil, errors.New("write a header as 'Name: value'")
		case value == "" || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c >= 0x7f }):
			return nil, fmt.Errorf("%s needs a value of visible ASCII characters", name)
		case header[name] != nil:
			return nil, fmt.Errorf("%s is given twice: a signed header has one line", name)
		}
		switch name {
		case "Content-Digest", "Signature", "Signature-Input":
			return nil, fmt.Errorf("leave out %s: it is what is being made here", name)
		case "Authorization":
			return nil, errors.New("leave out Authorization: a signature stands in its place")
		case "Host", "Content-Length", "Connection", "Expect", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			return nil, fmt.Errorf("leave out %s: whatever sends the request writes it, and it is not signed", name)
		}
		header.Set(name, value)
	}
	return header, nil
}

func fromStdin(data string) bool { return data == "-" || data == "@-" }

// digestOf is the SHA-256 of the body that --data names.
func (r *run) digestOf(data string) (sum [sha256.Size]byte, err error) {
	var body io.Reader = strings.NewReader(data)
	if path, named := strings.CutPrefix(data, "@"); fromStdin(data) {
		body = r.Stdin
	} else if named {
		f, err := durable.OpenNamed(path)
		if err != nil {
			return sum, err
		}
		defer f.Close()
		body = f
	}
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// signingKey is the text of the key.
func (r *run) signingKey(from string) (string, error) {
	const name = "--key"
	s, err := secret.Open([]secret.Source{{Name: name, From: from, Required: true}}, func(variable string) (string, bool) {
		text := r.Getenv(variable)
		return text, text != ""
	})
	if err != nil {
		return "", err
	}
	key, err := s.Get(name)
	if err != nil {
		return "", err
	}
	if !regexp.MustCompile(`^dw_[A-Za-z0-9_-]{43}$`).MatchString(key.Reveal()) {
		return "", errors.New("--key: what is there is no API key: it must be what `doorward key create NAME --signing` printed, dw_… (46 characters)")
	}
	return key.Reveal(), nil
}

// putHeaders writes a header on each line, as curl -H @FILE reads them.
func (s *signed) putHeaders(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		if _, err := fmt.Fprintf(w, "%s: %s\n", name, s.Headers[name]); err != nil {
			return err
		}
	}
	return nil
}

// putCurl writes a command that sends the request as it was signed: curl is kept
// from expanding [] and {} in the URL and from taking dots out of the path.
func (s *signed) putCurl(w io.Writer, data string) error {
	words := []string{"curl", "--globoff", "--path-as-is", "--request", quoted(s.Method)}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		words = append(words, "--header", quoted(name+": "+s.Headers[name]))
	}
	switch {
	case data == "":
	case strings.HasPrefix(data, "@"):
		words = append(words, "--data-binary", quoted(data))
	default:
		words = append(words, "--data-raw", quoted(data))
	}
	_, err := fmt.Fprintln(w, strings.Join(append(words, "--url", quoted(s.URL)), " "))
	return err
}

// quoted is one word of a POSIX shell, whatever is in it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
