package app_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// The cases of security.md 4.a about what a JWT is made of: its header, its
// signature and its encoding.

// parts are the header and the payload of a good token, as raw JSON.
func (h *guests) payload(other map[string]any) []byte {
	h.t.Helper()
	b, err := json.Marshal(h.idp.Claims(other))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// forged puts a token together that nobody has signed.
func (h *guests) forged(header string, payload, signature []byte) string {
	token := gatetest.Base64([]byte(header)) + "." + gatetest.Base64(payload) + "."
	return h.idp.Mint(token + gatetest.Base64(signature))
}

func TestAUT01_NoAlgorithm(t *testing.T) {
	t.Parallel()
	inTokenEras(t, func(h *guests) {
		good := h.idp.Token(nil)
		_, signature, _ := strings.Cut(good[strings.Index(good, ".")+1:], ".")
		theirs, err := base64.RawURLEncoding.DecodeString(signature)
		if err != nil {
			h.t.Fatal(err)
		}
		var all []forgery
		for _, alg := range []string{`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`, "absent", "null", `["RS256"]`, `["ES256"]`, `{}`, `0`, `"es256"`, `"ES256 "`} {
			header := `{"typ":"at+jwt","alg":` + alg + `}`
			if alg == "absent" {
				header = `{"typ":"at+jwt"}`
			}
			all = append(all,
				forgery{name: alg + " without a signature", token: h.forged(header, h.payload(nil), nil)},
				forgery{name: alg + " with one of another token", token: h.forged(header, h.payload(nil), theirs)},
				forgery{name: alg + " without the last part", token: strings.TrimSuffix(h.forged(header, h.payload(nil), nil), "."), method: "introspection"},
			)
		}
		h.turns(all...)
	})
}

// inTokenEras runs attacks in a house of each era.
func inTokenEras(t *testing.T, attack func(h *guests)) {
	t.Helper()
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			attack(in(t, version))
		})
	}
}

func TestAUT02_SharedKeyFromPublicKey(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	key := idp.Add("RS256")
	h := welcome(t, idp, site{}).enter(modern)
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(key.JWK())
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	var all []forgery
	for name, secret := range map[string][]byte{
		"PEM": asPEM, "PEM without the newline": bytes.TrimRight(asPEM, "\n"), "DER": der, "JWK": jwk,
		"PKCS #1 in PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}), "PKCS #1": pkcs1,
		"n": []byte(gatetest.Base64(public.N.Bytes())), "bytes of n": public.N.Bytes(), "nothing": nil,
	} {
		for _, alg := range []string{"HS256", "RS256"} {
			input := gatetest.Base64([]byte(`{"alg":"`+alg+`","typ":"at+jwt","kid":"`+key.ID+`"}`)) + "." + gatetest.Base64(h.payload(nil))
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(input))
			all = append(all, forgery{name: name + " as " + alg, token: idp.Mint(input + "." + gatetest.Base64(m.Sum(nil)))})
		}
	}
	h.turns(all...)
	if got := h.accepted(idp.TokenBy("RS256", nil)); got.Subject != "alice" {
		t.Errorf("a token that is signed with the key: %+v", got)
	}
}

func TestAUT03_DegenerateSignatures(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	n := elliptic.P256().Params().N
	raw := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	header, payload := h.idp.Header("ES256"), h.payload(nil)
	good := h.idp.Sign("ES256", header, payload)
	signature, err := base64.RawURLEncoding.DecodeString(good[strings.LastIndexByte(good, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	zero, most := new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	var all []forgery
	for name, sig := range map[string][]byte{
		"r=s=0": raw(zero, zero), "r=0": raw(zero, s), "s=0": raw(r, zero), "r=n": raw(n, s), "s=n": raw(r, n), "r=s=n": raw(n, n),
		"r=n+1": raw(new(big.Int).Add(n, big.NewInt(1)), s), "s the greatest": raw(r, most), "r the greatest": raw(most, s), "r=s=1": raw(big.NewInt(1), big.NewInt(1)),
		"DER": der, "63 bytes": signature[:63], "65 bytes": append(bytes.Clone(signature), 0), "65 bytes with a zero first": append([]byte{0}, signature...),
		"r and s exchanged": raw(s, r), "a bit flipped": append(bytes.Clone(signature[:63]), signature[63]^1), "one byte": {1}, "another 64 bytes": bytes.Repeat([]byte{7}, 64),
	} {
		all = append(all, forgery{name: name, token: h.forged(string(header), payload, sig)})
	}
	h.turns(all...)
	h.accepted(good)
	// The other signature of the pair (r, n−s) verifies too: ECDSA is like that, and
	// no signature names a token.
	if twin := h.forged(string(header), payload, raw(r, new(big.Int).Sub(n, s))); h.accepted(twin).Subject != "alice" {
		t.Error("the twin of a good signature")
	}
}

func TestAUT04_AlgorithmsThatAreNotListed(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	rs := idp.Add("RS256")
	for _, alg := range []string{"ES384", "ES512", "EdDSA"} {
		idp.Add(alg)
	}
	h := welcome(t, idp, site{}).enter(modern)
	var all []forgery
	for _, alg := range []string{"ES384", "ES512", "EdDSA"} {
		all = append(all, forgery{name: alg, token: idp.TokenBy(alg, nil)})
	}
	for _, alg := range []string{"PS256", "PS384", "PS512", "RS384", "RS512"} {
		all = append(all, forgery{name: alg, token: idp.Mint(rs.JWS(alg, []byte(`{"alg":"`+alg+`","typ":"at+jwt","kid":"`+rs.ID+`"}`), h.payload(nil)))})
	}
	for _, alg := range []string{"HS256", "HS512", "ES256K", "Ed25519", "RSA1_5", "dir", "A128KW"} {
		all = append(all, forgery{name: alg, token: h.forged(`{"alg":"`+alg+`","typ":"at+jwt"}`, h.payload(nil), bytes.Repeat([]byte{1}, 64))})
	}
	// A key is good for its own algorithm alone, whatever a token of it says.
	all = append(all,
		forgery{name: "RS256 by a key of ES256", token: idp.Mint(idp.Key("ES256").JWS("ES256", []byte(`{"alg":"RS256","kid":"`+rs.ID+`"}`), h.payload(nil)))},
		forgery{name: "ES256 by a key of RS256", token: idp.Mint(rs.JWS("RS256", []byte(`{"alg":"ES256","kid":"`+rs.ID+`"}`), h.payload(nil)))},
		forgery{name: "ES256 by a key of ES384", token: idp.Mint(idp.Key("ES384").JWS("ES384", []byte(`{"alg":"ES256","kid":"`+idp.Key("ES384").ID+`"}`), h.payload(nil)))},
	)
	h.turns(all...)
}

func TestAUT05_KeyIDs(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	second := idp.Add("ES256")
	began := time.Now()
	h := welcome(t, idp, site{}).enter(modern)
	first := idp.Key("ES256")
	var all []forgery
	for name, kid := range map[string]string{
		"a path": `"../../../../dev/null"`, "SQL": `"'; --"`, "a number": `1`, "an array": `["` + first.ID + `"]`, "null": `null`, "empty": `""`,
		"NUL": `"` + first.ID + `\u0000"`, "a space": `" ` + first.ID + `"`, "a line break": `"a\nb"`, "another case": `"` + strings.ToUpper(first.ID) + `"`,
		"a URL": `"http://127.0.0.1/key"`, "an object": `{"kid":"` + first.ID + `"}`, "another key's": `"` + second.ID + `"`,
		"10 KiB": `"` + strings.Repeat("k", 10<<10) + `"`,
	} {
		all = append(all, forgery{name: name, token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"ES256","typ":"at+jwt","kid":`+kid+`}`), h.payload(nil)))})
	}
	all = append(all,
		forgery{name: "absent with two keys", token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"ES256","typ":"at+jwt"}`), h.payload(nil)))},
		forgery{name: "twice", token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+second.ID+`","kid":"`+first.ID+`"}`), h.payload(nil)))},
		forgery{name: "alg twice", token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"none","alg":"ES256","kid":"`+first.ID+`"}`), h.payload(nil)))},
		forgery{name: "Kid beside", token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+first.ID+`","Kid":"x"}`), h.payload(nil)))},
		// Too long for any header of ours: nobody looks what it is.
		forgery{name: "48 KiB", method: "-", token: idp.Mint(first.JWS("ES256", []byte(`{"alg":"ES256","kid":"`+strings.Repeat("k", 34<<10)+`"}`), h.payload(nil)))},
	)
	h.turns(all...)
	h.accepted(idp.Token(nil))
	if n := idp.Asked(gatetest.Keys); n > 2+int(time.Since(began)/demandEvery) {
		t.Errorf("the keys were asked for %d times, want once, and once more in %s for those that are not known", n, demandEvery)
	}
}

func TestAUT06_KeysOfTheToken(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	evil := gatetest.NewKey(t, "ES256", h.idp.Key("ES256").ID)
	set, err := json.Marshal(gatetest.KeySet(evil))
	if err != nil {
		t.Fatal(err)
	}
	sink := gatetest.Sink(t, string(set))
	jwk, err := json.Marshal(evil.JWK())
	if err != nil {
		t.Fatal(err)
	}
	leaf := gatetest.NewCA(t).Leaf("evil.example.com")
	chain := `["` + base64.StdEncoding.EncodeToString(leaf.Certificate[0]) + `"]`
	var all []forgery
	for name, member := range map[string]string{
		"jku": `"jku":"` + sink.URL() + `/jwks"`, "x5u": `"x5u":"` + sink.URL() + `/cert"`, "jwk": `"jwk":` + string(jwk), "x5c": `"x5c":` + chain,
		"all": `"jwk":` + string(jwk) + `,"jku":"` + sink.URL() + `/jwks"`, "kid is a URL": `"kid":"` + sink.URL() + `/jwks"`,
	} {
		header := `{"alg":"ES256","typ":"at+jwt",` + member + `}`
		if !strings.Contains(member, `"kid"`) {
			header = `{"alg":"ES256","typ":"at+jwt","kid":"` + evil.ID + `",` + member + `}`
		}
		all = append(all, forgery{name: name, token: h.idp.Mint(evil.JWS("ES256", []byte(header), h.payload(nil)))})
		if !strings.Contains(member, `"kid"`) {
			all = append(all, forgery{name: name + " beside a good signature", token: h.idp.Sign("ES256", []byte(header), h.payload(nil))})
		}
	}
	all = append(all,
		forgery{name: "another key of the same kid", token: h.idp.Mint(evil.JWS("ES256", h.idp.Header("ES256"), h.payload(nil)))},
		forgery{name: "iss is elsewhere", token: h.idp.Mint(evil.JWS("ES256", h.idp.Header("ES256"), h.payload(map[string]any{"iss": sink.URL()})))},
	)
	h.turns(all...)
	if n := sink.Seen(); n != 0 {
		t.Errorf("S0: %d connections", n)
	}
}

func TestAUT07_OtherKindsOfToken(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	signed := func(member string) string {
		return h.idp.Sign("ES256", []byte(`{"alg":"ES256","kid":"`+h.idp.Key("ES256").ID+`",`+member+`}`), h.payload(nil))
	}
	var all []forgery
	for name, member := range map[string]string{
		"crit": `"crit":["foo"],"foo":1`, "crit of exp": `"crit":["exp"],"exp":1`, "empty crit": `"crit":[]`, "b64": `"b64":false,"crit":["b64"]`, "b64 alone": `"b64":false`,
		"ID token": `"typ":"id+jwt"`, "logout token": `"typ":"logout+jwt"`, "security event": `"typ":"secevent+jwt"`, "DPoP proof": `"typ":"dpop+jwt"`, "typ is a number": `"typ":1`,
		"typ is null": `"typ":null`, "nested": `"cty":"JWT"`, "zip": `"zip":"DEF"`, "encrypted": `"enc":"A128GCM"`, "Alg": `"Alg":"none"`,
	} {
		all = append(all, forgery{name: name, token: signed(member)})
	}
	h.turns(append(all, h.claims(map[string]map[string]any{
		"an ID token by its claims": {"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng", "nonce": "n"},
		"a code's hash":             {"c_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"},
		"a logout token by its claims": {"events": map[string]any{
			"http://schemas.openid.net/event/backchannel-logout": map[string]any{},
		}},
	})...)...)
	for _, member := range []string{`"typ":"JWT"`, `"typ":"AT+JWT"`, `"typ":"application/at+jwt"`, `"other":1`} {
		h.accepted(signed(member))
	}

	strict := welcome(t, gatetest.Provider(t), site{issuer: ", token_type: at+jwt"}).enter(modern)
	key := strict.idp.Key("ES256").ID
	for name, header := range map[string]string{"JWT where at+jwt is required": `,"typ":"JWT"`, "none where at+jwt is required": ""} {
		strict.turns(forgery{name: name, token: strict.idp.Sign("ES256", []byte(`{"alg":"ES256","kid":"`+key+`"`+header+`}`), strict.payload(nil))})
	}
}

// TestAUT13_CostlyTokens is not parallel: it measures what a token costs, and
// security.md allows 100 times its bytes. A second is its margin for the 50 ms of
// a quiet machine.
func TestAUT13_CostlyTokens(t *testing.T) {
	h := in(t, modern)
	e := func(s string) string { return gatetest.Base64([]byte(s)) }
	jwe := func(header string) string {
		return strings.Join([]string{e(header), e("key"), e("0123456789ab"), e(strings.Repeat("x", 256)), e("0123456789abcdef")}, ".")
	}
	deep := `{"iss":"` + h.idp.URL() + `","a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`
	many := bytes.NewBufferString(`{"iss":"` + h.idp.URL() + `"`)
	for i := range 700 {
		many.WriteString(`,"` + strings.Repeat("m", i%7+1) + string(rune('a'+i%26)) + `":0`)
	}
	many.WriteString("}")
	for _, b := range []forgery{
		{name: "10,000 dots", token: strings.Repeat(".", 10_000)},
		{name: "10,000 dots between letters", token: strings.Repeat("a.", 8_000) + "a"},
		{name: "A128KW with an empty key", token: jwe(`{"alg":"A128KW","enc":"A128GCM"}`)},
		{name: "an empty part for the key", token: e(`{"alg":"A128KW","enc":"A128GCM"}`) + ".." + e("0123456789ab") + "." + e("x") + "." + e("y")},
		{name: "PBES2 with 2^31 rounds", token: jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"c2FsdHNhbHQ","p2c":2147483648}`)},
		{name: "a bomb", token: jwe(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`)},
		{name: "a deep payload", token: h.forged(`{"alg":"ES256"}`, []byte(deep), []byte("x"))},
		{name: "a payload of many members", token: h.forged(`{"alg":"ES256"}`, many.Bytes(), []byte("x"))},
		{name: "a number of 8,000 digits", token: h.forged(`{"alg":"ES256"}`, []byte(`{"iss":"`+h.idp.URL()+`","exp":`+strings.Repeat("9", 8000)+`}`), []byte("x"))},
		{name: "a header of 10 KiB", token: h.forged(`{"alg":"ES256","x":"`+strings.Repeat("x", 10<<10)+`"}`, h.payload(nil), []byte("x"))},
		{name: "40 KiB", method: "-", token: strings.Repeat("a", 40<<10)},
	} {
		t.Run(b.name, func(t *testing.T) {
			h.t = t
			var before, after runtime.MemStats
			var took time.Duration
			h.turned(b, func(header ...string) *gatetest.Reply {
				body := h.call("up__echo")
				runtime.ReadMemStats(&before)
				watch := gatetest.Start(t)
				r := h.alice.Post(body, header...)
				took = watch.Stop()
				runtime.ReadMemStats(&after)
				return r
			})
			if took > time.Second {
				t.Errorf("it took %s", took)
			}
			// The client and the audit log of the same process take part of it.
			if spent, most := after.TotalAlloc-before.TotalAlloc, uint64(100*len(b.token)+1<<20); spent > most {
				t.Errorf("%d bytes were allocated for a token of %d", spent, len(b.token))
			}
		})
	}
	h.t = t
	before := h.up.Posts()
	r := h.Raw([]byte("POST /mcp HTTP/1.1\r\nHost: " + h.Address() + "\r\nContent-Length: 0\r\nAuthorization: Bearer " + strings.Repeat("a", 1<<20) + "\r\n\r\n"))
	if r.Status != 431 || h.up.Posts() != before {
		t.Errorf("1 MiB: %s, want 431", r)
	}
	h.neighbour()
}

func TestAUT14_MembersTwice(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	good := strings.TrimSuffix(string(h.payload(map[string]any{"sub": nil})), "}")
	var all []forgery
	for name, members := range map[string]string{
		"sub twice": `,"sub":"alice","sub":"adm"`, "the same sub twice": `,"sub":"alice","sub":"alice"`, "Sub beside sub": `,"sub":"alice","Sub":"adm"`, "Sub alone": `,"Sub":"alice"`,
		"sub with NUL": `,"sub":"alice","sub\u0000":"adm"`, "sub by escape": `,"sub":"alice","\u0073ub":"adm"`, "aud twice": `,"sub":"alice","aud":"x"`, "SCOPE": `,"sub":"alice","SCOPE":"admin"`,
		"a long s": `,"sub":"alice","\u017fub":"adm"`, "zero width": `,"sub":"alice","su\u200bb":"adm"`, "deep": `,"sub":"alice","x":{"a":1,"a":2}`, "EXP": `,"sub":"alice","EXP":9999999999`,
	} {
		all = append(all, forgery{name: name, token: h.idp.Sign("ES256", h.idp.Header("ES256"), []byte(good+members+"}"))})
	}
	for name, payload := range map[string]string{
		"bytes behind": good + `,"sub":"alice"}{}`, "an array": `[` + good + `,"sub":"alice"}]`, "a string": `"alice"`, "null": `null`, "nothing": ``, "a comment": good + `/**/,"sub":"alice"}`,
		"not UTF-8": good + ",\"sub\":\"ali\xffce\"}", "half a surrogate": good + `,"sub":"\ud800"}`, "a BOM": "\xef\xbb\xbf" + good + `,"sub":"alice"}`,
	} {
		all = append(all, forgery{name: name, token: h.idp.Sign("ES256", h.idp.Header("ES256"), []byte(payload))})
	}
	h.turns(all...)
}

func TestAUT15_OtherBase64(t *testing.T) {
	t.Parallel()
	h := in(t, modern)
	// 64 bytes leave 4 bits over in base64: another last letter, the same bytes.
	good := h.idp.Token(nil)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	parts := strings.Split(good, ".")
	standard := func(part string) string {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawStdEncoding.EncodeToString(b)
	}
	// A header whose base64 has one of the letters that the alphabets have different.
	header := []byte(`{"alg":"ES256","x":"~~~???","kid":"` + h.idp.Key("ES256").ID + `"}`)
	other := strings.Split(h.idp.Sign("ES256", header, h.payload(nil)), ".")
	if !strings.ContainsAny(other[0], "-_") {
		t.Fatal("the case needs a letter that the alphabets have different")
	}
	h.turns(
		forgery{name: "padding", token: good + "=="},
		forgery{name: "padding of the header", token: parts[0] + "=." + parts[1] + "." + parts[2], method: "-"},
		forgery{name: "bits left over", token: good[:len(good)-1] + string(alphabet[last|1])},
		forgery{name: "the other alphabet", token: standard(other[0]) + "." + other[1] + "." + other[2]},
		forgery{name: "white space", headers: []string{"Authorization", "Bearer " + parts[0] + ". " + parts[1] + "." + parts[2]}, method: "-"},
		forgery{name: "percent encoding", headers: []string{"Authorization", "Bearer " + strings.ReplaceAll(good, ".", "%2E")}, method: "-"},
		forgery{name: "a letter more", token: good + "A"},
		forgery{name: "a letter less", token: good[:len(good)-1]},
		forgery{name: "a tilde", token: parts[0] + "." + parts[1] + "~." + parts[2]},
	)
	if alphabet[last|1] == good[len(good)-1] {
		t.Error("the bits were set before: the case tests nothing")
	}
	h.accepted(strings.Join(other, "."))
	h.accepted(good)
}

// TestAcceptedAlgorithms: a token of each algorithm that is listed is accepted, and
// of no other key than the issuer's.
func TestAcceptedAlgorithms(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	algorithms := []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"}
	for _, alg := range algorithms[1:] {
		if alg != "PS256" { // by the key that RS256 has, which then says no algorithm
			idp.Add(alg)
		}
	}
	rs := idp.Key("RS256")
	free := rs.JWK()
	delete(free, "alg")
	keys, _ := gatetest.KeySet()["keys"].([]any)
	for _, alg := range []string{"ES256", "ES384", "ES512", "EdDSA"} {
		keys = append(keys, idp.Key(alg).JWK())
	}
	set, err := json.Marshal(map[string]any{"keys": append(keys, free)})
	if err != nil {
		t.Fatal(err)
	}
	idp.On(gatetest.Keys, gatetest.Says("application/json", string(set)))
	h := welcome(t, idp, site{issuer: ", algorithms: [" + strings.Join(algorithms, ", ") + "]"}).enter(modern)
	for _, alg := range algorithms {
		token := idp.Mint(idp.Key(alg).JWS(alg, []byte(`{"alg":"`+alg+`","kid":"`+idp.Key(alg).ID+`"}`), h.payload(map[string]any{"sub": "by " + alg})))
		if got := h.accepted(token); got.Subject != "by "+alg || got.Method != "jwt" || got.Issuer != idp.URL() || got.Client != "agent" || !strings.HasPrefix(got.Credential, "t-") {
			t.Errorf("%s: %+v", alg, got)
		}
		stranger := gatetest.NewKey(t, alg, idp.Key(alg).ID)
		h.turns(forgery{name: alg + " by a stranger", token: idp.Mint(stranger.JWS(alg, []byte(`{"alg":"`+alg+`","kid":"`+stranger.ID+`"}`), h.payload(nil)))})
	}
	if _, ok := idp.Key("ES256").Public().(*ecdsa.PublicKey); !ok || idp.Asked(gatetest.Introspection) != 0 {
		t.Error("a JWT was shown to its issuer")
	}
}
