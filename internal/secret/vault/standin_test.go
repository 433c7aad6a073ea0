package vault_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// standin behaves as Vault's HTTP API does, as far as this package asks it (API
// documentation of Vault: kv, approle, sys/leases, sys/internal/ui/mounts).
type standin struct {
	mu        sync.Mutex
	down      bool
	sealed    bool
	namespace string
	secretID  string
	tokens    map[string]time.Time // until when; zero: for ever
	tokenLife time.Duration
	kv2       map[string]map[string]any // by path below kv/
	kv2Made   time.Time
	kv1       map[string]map[string]any
	life      time.Duration        // of a dynamic lease
	longest   time.Duration        // that it can be renewed to
	leases    map[string]time.Time // by id, until when
	made      map[string]time.Time // when
	keeps     bool                 // it ends no lease
	stuck     string               // the lease that it does not end
	version   int                  // of the key in the transit engine
	unbound   bool                 // it looks at no associated data, as it did of old
	opens     int                  // how many keys it opens before it is sealed; 0: all
	count     int
	asked     []string
}

// RoundTrip implements http.RoundTripper.
func (s *standin) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, fmt.Errorf("no route to CANARY")
	}
	w := httptest.NewRecorder()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.serve(w, r)
	return w.Result(), nil
}

func (s *standin) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	var body map[string]any
	if r.Body != nil {
		_ = json.NewDecoder(r.Body).Decode(&body) // empty: nil
	}
	refuse := func(status int) {
		w.WriteHeader(status)
		fmt.Fprint(w, `{"errors":["CANARY-in-an-error"]}`)
	}
	token := r.Header.Get("X-Vault-Token")
	until, known := s.tokens[token]
	switch {
	case s.sealed:
		refuse(http.StatusServiceUnavailable)
	case r.Header.Get("X-Vault-Namespace") != s.namespace || r.Header.Get("X-Vault-Request") != "true":
		refuse(http.StatusForbidden)
	case path == "auth/approle/login":
		if body["role_id"] != "role" || body["secret_id"] != s.secretID {
			refuse(http.StatusBadRequest)
			return
		}
		s.count++
		made := fmt.Sprint("token-", s.count)
		s.tokens[made] = time.Now().Add(s.tokenLife)
		s.auth(w, made)
	case !known || !until.IsZero() && !time.Now().Before(until):
		refuse(http.StatusForbidden)
	default:
		s.authorized(w, r.Method+" "+path, token, body, refuse)
	}
}

func (s *standin) auth(w http.ResponseWriter, token string) {
	put(w, map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": int(s.tokenLife / time.Second), "renewable": true}})
}

func put(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err) // a recorder takes everything
	}
}

func (s *standin) authorized(w http.ResponseWriter, what, token string, body map[string]any, refuse func(int)) {
	id, _ := body["lease_id"].(string)
	switch what {
	case "POST auth/token/renew-self":
		s.tokens[token] = time.Now().Add(s.tokenLife)
		s.auth(w, token)
	case "GET auth/token/lookup-self":
		put(w, map[string]any{"data": map[string]any{"renewable": true}})
	case "POST auth/token/revoke-self":
		delete(s.tokens, token)
		w.WriteHeader(http.StatusNoContent)
	case "PUT sys/leases/revoke":
		if s.keeps || id == s.stuck && id != "" {
			refuse(http.StatusInternalServerError)
			return
		}
		delete(s.leases, id)
		w.WriteHeader(http.StatusNoContent)
	case "PUT sys/leases/renew":
		until, ok := s.leases[id]
		if !ok || !time.Now().Before(until) {
			refuse(http.StatusBadRequest)
			return
		}
		left := min(s.life, time.Until(s.made[id].Add(s.longest)))
		s.leases[id] = time.Now().Add(left)
		put(w, map[string]any{"lease_id": id, "lease_duration": int(left / time.Second), "renewable": true})
	case "POST transit/encrypt/doorward":
		text, _ := body["plaintext"].(string)
		bound, _ := body["associated_data"].(string)
		put(w, map[string]any{"data": map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", s.version, s.sealed64(text, bound))}})
	case "POST transit/decrypt/doorward":
		text, _ := body["ciphertext"].(string)
		bound, _ := body["associated_data"].(string)
		plain, ok := s.opened64(text, bound)
		if !ok {
			refuse(http.StatusBadRequest)
			return
		}
		if s.opens--; s.opens == 0 {
			s.sealed = true
		}
		put(w, map[string]any{"data": map[string]any{"plaintext": plain}})
	default:
		s.read(w, strings.TrimPrefix(what, "GET "), refuse)
	}
}

// sealed64 stands in for AES-GCM: what it binds it to is part of it.
func (s *standin) sealed64(text, bound string) string {
	return base64.StdEncoding.EncodeToString([]byte(bound + "\x00" + text))
}

func (s *standin) opened64(sealed, bound string) (string, bool) {
	parts := strings.SplitN(sealed, ":", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	was, text, ok := strings.Cut(string(raw), "\x00")
	return text, err == nil && ok && (s.unbound || was == bound)
}

func (s *standin) read(w http.ResponseWriter, path string, refuse func(int)) {
	if under, ok := strings.CutPrefix(path, "sys/internal/ui/mounts/"); ok {
		mount, _, _ := strings.Cut(under, "/")
		kinds := map[string]map[string]any{
			"kv":       {"path": "kv/", "type": "kv", "options": map[string]string{"version": "2"}},
			"old":      {"path": "old/", "type": "kv", "options": map[string]string{"version": "1"}},
			"database": {"path": "database/", "type": "database", "options": nil},
		}
		if kinds[mount] == nil {
			refuse(http.StatusForbidden)
			return
		}
		put(w, map[string]any{"data": kinds[mount]})
		return
	}
	if name, ok := strings.CutPrefix(path, "kv/data/"); ok && s.kv2[name] != nil {
		put(w, map[string]any{"data": map[string]any{"data": s.kv2[name], "metadata": map[string]any{"created_time": s.kv2Made, "version": 1}}})
		return
	}
	if name, ok := strings.CutPrefix(path, "old/"); ok && s.kv1[name] != nil {
		put(w, map[string]any{"lease_duration": 2764800, "data": s.kv1[name]})
		return
	}
	if path == "database/creds/app" {
		s.count++
		id := fmt.Sprint("database/creds/app/", s.count)
		s.leases[id], s.made[id] = time.Now().Add(s.life), time.Now()
		put(w, map[string]any{
			"lease_id": id, "lease_duration": int(s.life / time.Second), "renewable": true,
			"data": map[string]any{"username": fmt.Sprint("user-", s.count), "password": fmt.Sprint("password-", s.count)},
		})
		return
	}
	if path == "database/creds/odd" { // a lease of nothing that can be read
		s.count++
		id := fmt.Sprint("database/creds/odd/", s.count)
		s.leases[id], s.made[id] = time.Now().Add(s.life), time.Now()
		put(w, map[string]any{"lease_id": id, "lease_duration": int(s.life / time.Second), "renewable": true, "data": []string{"CANARY-odd"}})
		return
	}
	refuse(http.StatusNotFound)
}
