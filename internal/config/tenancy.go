package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Bounds of what is a tenant's.
const (
	maxMarkers = 1000 // of all tenants together
	minMarker  = 12   // bytes: a shorter text is in honest answers; as of a canary
	minAlnum   = 8    // letters and digits of a marker
	maxMarker  = 256  // bytes
)

// tenancy checks what the file says to be of tenants: upstreams, secrets, receivers of
// alerts and markers.
func (v *checker) tenancy() {
	for _, name := range slices.Sorted(maps.Keys(v.c.Upstreams)) {
		if all := v.c.Upstreams[name].Tenants; all != nil {
			v.tenantList(join("upstreams", name)+".tenants", all)
		}
	}
	for i := range v.c.Monitor.Alerts {
		if of := v.c.Monitor.Alerts[i].Tenant; of != "" {
			v.tenant(fmt.Sprintf("monitor.alerts[%d].tenant", i), of)
		}
	}
	v.markers()
	v.tenantSecrets()
}

// tenantList checks tenants that something is for. A list of none is refused: it could be
// read as nobody and as everybody.
func (v *checker) tenantList(path string, all []string) {
	if len(all) == 0 || len(all) > maxTenants {
		v.fault(path, "must name a tenant, and at most %d; without the key all are meant", maxTenants)
	}
	seen := make(map[string]bool, len(all))
	for i, name := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		if seen[name] {
			v.fault(at, "is written twice")
		}
		seen[name] = true
		v.tenant(at, name)
	}
}

// tenant refuses the name of a tenant that nobody can be of: what is misspelled would
// keep the right ones out, or be watched for nobody.
func (v *checker) tenant(path, name string) {
	if name == "" || len(name) > maxSubject {
		v.fault(path, "must be 1 to %d bytes", maxSubject)
		return
	}
	claims := false
	for i := range v.c.Identity.Issuers {
		one := &v.c.Identity.Issuers[i]
		claims = claims || one.Claims.Tenant != ""
		if one.Claims.Tenant != "" && (one.Tenants == nil || slices.Contains(one.Tenants, name)) {
			return
		}
	}
	if !claims {
		v.fault(path, "needs an issuer with claims.tenant: nobody is of a tenant otherwise")
		return
	}
	v.fault(path, "is in identity.issuers[].tenants of no issuer: nobody can be of it")
}

// markers checks the texts that are one tenant's alone.
func (v *checker) markers() {
	n, whose := 0, map[string]string{} // the tenant of each text
	for _, of := range slices.Sorted(maps.Keys(v.c.Trust.Markers)) {
		path := join("trust.markers", of)
		v.tenant(path, of)
		if len(v.c.Trust.Markers[of]) == 0 {
			v.fault(path, "has no text: write one, or leave the tenant out")
		}
		for i, text := range v.c.Trust.Markers[of] {
			at := fmt.Sprintf("%s[%d]", path, i)
			folded := strings.ToLower(strings.Map(alnum, text))
			if len(text) < minMarker || len(text) > maxMarker || len(folded) < minAlnum {
				v.fault(at, "must be %d to %d bytes, with %d letters and digits: a shorter text is in honest answers", minMarker, maxMarker, minAlnum)
				continue
			}
			if n++; n <= maxMarkers {
				v.apart(at, folded, of, whose)
				whose[folded] = of
			}
		}
	}
	if n > maxMarkers {
		v.fault("trust.markers", "has more than %d texts", maxMarkers)
	}
}

// apart refuses a marker that is, has in it or stands in one of another tenant: what has
// the longer in it has both, and nobody could be given it. Texts are as they are looked for.
func (v *checker) apart(at, text, of string, whose map[string]string) {
	for other, tenant := range whose {
		if tenant != of && (strings.Contains(text, other) || strings.Contains(other, text)) {
			v.fault(at, "has a marker of another tenant in it, or stands in one: nobody could be given the longer")
			return
		}
	}
}

// alnum drops what is no ASCII letter or digit.
func alnum(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// tenantSecrets holds the secrets of tenants apart (security case TEN-10): only what
// serves that tenant alone may be handed one, and no other secret is at its place.
func (v *checker) tenantSecrets() {
	owned := false
	places := map[string]string{} // name of a secret by its place
	for _, name := range slices.Sorted(maps.Keys(v.c.Secrets)) {
		s, path := v.c.Secrets[name], join("secrets", name)
		if s.Tenant != "" {
			owned = true
			v.tenant(path+".tenant", s.Tenant)
		}
		if slices.Contains(strings.FieldsFunc(s.From, func(r rune) bool { return r == '/' || r == '\\' || r == ':' }), "..") && s.Tenant != "" {
			v.fault(path+".from", "has .. in it: say where a tenant's secret is without going up from another place")
		}
		where := place(s.From)
		if where == "" {
			continue
		}
		if other, taken := places[where]; taken && v.c.Secrets[other].Tenant != s.Tenant {
			v.fault(path+".from", "is the place of secrets.%s too, which is not of the same tenant", other)
		}
		places[where] = name
	}
	if owned {
		references(reflect.ValueOf(*v.c), "", func(path, name string) { v.lentTo(path, name) })
	}
}

// place is where a secret is, in one spelling; empty for the encrypted store, where its
// name says it.
func place(from string) string {
	if path, ok := strings.CutPrefix(from, "file:"); ok {
		return "file:" + filepath.Clean(path)
	}
	if from == "store" {
		return ""
	}
	return from
}

// lentTo refuses a tenant's secret to what serves others as well.
func (v *checker) lentTo(path, name string) {
	of := v.c.Secrets[name].Tenant
	if of == "" {
		return
	}
	for up := range v.c.Upstreams {
		if strings.HasPrefix(path, join("upstreams", up)+".") && slices.Equal(v.c.Upstreams[up].Tenants, []string{of}) {
			return
		}
	}
	for i := range v.c.Monitor.Alerts {
		if strings.HasPrefix(path, fmt.Sprintf("monitor.alerts[%d].", i)) && v.c.Monitor.Alerts[i].Tenant == of {
			return
		}
	}
	v.fault(path, "is a secret of one tenant (secrets.%s.tenant), and this serves others too: only an upstream with tenants, or a receiver of alerts with tenant, of that tenant alone may have it", name)
}

// references yields every name of a secret in a part of the file, with its path.
func references(of reflect.Value, path string, yield func(path, name string)) {
	switch of.Kind() {
	case reflect.Pointer:
		if !of.IsNil() {
			references(of.Elem(), path, yield)
		}
	case reflect.Struct:
		for i := range of.NumField() {
			f := of.Type().Field(i)
			key := f.Tag.Get("yaml")
			if key == "" || key == "-" {
				continue
			}
			if f.Tag.Get("type") == "secret name" {
				named(of.Field(i), join(path, key), yield)
				continue
			}
			references(of.Field(i), join(path, key), yield)
		}
	case reflect.Map:
		for _, key := range of.MapKeys() {
			references(of.MapIndex(key), join(path, key.String()), yield)
		}
	case reflect.Slice:
		for i := range of.Len() {
			references(of.Index(i), fmt.Sprintf("%s[%d]", path, i), yield)
		}
	default:
	}
}

// named yields the names that a field with references holds: one, or one for each key.
func named(of reflect.Value, path string, yield func(path, name string)) {
	if of.Kind() == reflect.Map {
		for _, key := range of.MapKeys() {
			yield(join(path, key.String()), of.MapIndex(key).String())
		}
		return
	}
	yield(path, of.String())
}
