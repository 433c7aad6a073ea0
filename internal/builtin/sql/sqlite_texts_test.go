package sql_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPOL29SQLiteTexts: what Doorward has in place of SQLite's functions gives what they give.
func TestPOL29SQLiteTexts(t *testing.T) {
	theirs, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	c := onSQLite(t, nil)
	values := []string{"NULL", "''", "'a'", "'aab'", "'ab'", "'Zoë'", "'ë'", "'xëëx'", "'日本語'", "'本'", "x'6162'", "x'62'", "x'c3ab'", "12", "-1.5", "1.0", "1e20", "1e-7", "0.1", "'0a 0B'", "' -'", "'61-62'", "'6-1'", "x'fe61'", "x'ff'", "x'c3a4'", "'\uFFFD'"}
	// Characters that are cut within others, and those of which another one is a part.
	cut := []string{"x'c3'", "x'a4'", "x'a4c3a4'", "x'c3a461c3a4a4'", "x'a4a4'", "x'c361c3a4'", "x'c3a461c3'", "x'ff61c3a4a4a4'"}
	trims := func(a, b string) string {
		return fmt.Sprintf("quote(trim(%[1]s, %[2]s)) || quote(ltrim(%[1]s, %[2]s)) || quote(rtrim(%[1]s, %[2]s))", a, b)
	}
	for _, a := range append(values, cut...) {
		var all []string
		for _, b := range values {
			if slices.Contains(cut, a) {
				break
			}
			all = append(all, fmt.Sprintf("quote(instr(%[1]s, %[2]s)) || quote(replace(%[1]s, %[2]s, 'é')) || quote(trim(%[1]s, %[2]s)) || quote(ltrim(%[1]s, %[2]s)) || quote(rtrim(%[1]s, %[2]s)) || quote(unhex(%[1]s, %[2]s))", a, b))
		}
		for _, b := range cut {
			all = append(all, trims(a, b), trims(b, a))
		}
		stmt := "SELECT hex(" + strings.Join(all, " || ") + ") AS all_of"
		var want string
		if err := theirs.QueryRowContext(t.Context(), stmt).Scan(&want); err != nil {
			t.Fatal(err)
		}
		c.want(stmt, nil, fmt.Sprintf(`{"columns":[{"name":"all_of","type":"text"}],"rows":[[%q]],"truncated":false}`, want))
	}
}

// TestPOL29SQLiteUnhex: unhex reads what is no UTF-8 as SQLite's own does, in the digits and between
// them.
func TestPOL29SQLiteUnhex(t *testing.T) {
	theirs, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	c := onSQLite(t, nil)
	between := []string{
		"", "-", " ", "\x00", "\x80", "\xbf", "\xc3", "\xc3\xa4", "\xc2\x80", "\xc0\x80", "\xc1\xa1", "\xe4", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xed\xa0\x80", "\xf0\x9f\x94\x91", "\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff", "\xff\x80", "\xe2\x82", "\xe2\x82\xac\x80", "\xc3\x80\x80\x80\x80\x80\x80\x80\x80", "a", "aF0", "\x80-\xbf",
	}
	quoted := func(s string) string { return fmt.Sprintf("x'%x'", s) }
	for _, of := range between {
		var all []string
		for _, b := range between {
			for _, in := range []string{"41" + b + "42", b + "6162", "6162" + b, "4" + b + "1", "41" + b + b + "4", "4142" + b + "\x0043", "414", "G1", "aFfA"} {
				blob := fmt.Sprintf("quote(unhex(%s, %s))", quoted(in), quoted(of))
				all = append(all, blob, strings.NewReplacer("x'", "CAST(x'", "',", "' AS TEXT),", "'))", "' AS TEXT)))").Replace(blob))
			}
		}
		for part := range slices.Chunk(all, 200) {
			stmt := "SELECT " + strings.Join(part, " || ") + " AS all_of"
			var want string
			if err := theirs.QueryRowContext(t.Context(), stmt).Scan(&want); err != nil {
				t.Fatal(err)
			}
			c.want(stmt, nil, fmt.Sprintf(`{"columns":[{"name":"all_of","type":"text"}],"rows":[[%q]],"truncated":false}`, want))
		}
	}
}

// TestPOL29SQLiteEnds: one step over a long value ends, however it is looked through.
func TestPOL29SQLiteEnds(t *testing.T) {
	c := onSQLite(t, nil)
	const long = "WITH RECURSIVE r(n, s) AS (SELECT 1, 'aaaaaaaaaaaaaaaa' UNION ALL SELECT n + 1, s || s FROM r WHERE n < 17) SELECT "
	for stmt, want := range map[string]string{
		"instr(s || s, s || 'b')": "0", "length(replace(s || s, s || 'b', ''))": "2097152", "length(trim(s, replace(s, 'a', 'b') || 'a'))": "0",
		"length(unhex(replace(s, 'a', 'z'), replace(s, 'a', 'y') || 'z'))": "0",
	} {
		c.want(long+stmt+" AS n FROM r WHERE n = 17", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[`+want+`]],"truncated":false}`)
	}
	const every17 = "WITH RECURSIVE r(n, s) AS (SELECT 1, 'abbbbbbbbbbbbbbbb' UNION ALL SELECT n + 1, s || s FROM r WHERE n < 17) SELECT "
	for stmt, want := range map[string]string{
		"instr(s, substr(s, 1, length(s) / 2) || 'c')": "0", "instr(s || 'c', substr(s, 1, length(s) / 2) || 'c')": "557057",
		"length(replace(s, substr(s, 1, length(s) / 2) || 'c', ''))":                                                                  "1114112",
		"length(rtrim(x'c3' || replace(replace(s, 'a', x'80'), 'b', x'80'), x'80c3' || replace(replace(s, 'a', x'80'), 'b', x'80')))": "1",
	} {
		c.want(every17+stmt+" AS n FROM r WHERE n = 17", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[`+want+`]],"truncated":false}`)
	}
	c.refused("SELECT replace(replace('aaaaaaaa', 'a', hex(hex(hex(hex('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'))))), '3', hex(hex(hex(hex(hex(hex(hex('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'))))))))", "too big")
	c.refused("SELECT json_patch('{}', '{}')", "not allowed")
}
