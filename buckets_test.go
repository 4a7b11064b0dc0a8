package seatrial_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/seatrial/seatrial"
)

// general is what a decoder that knows nothing of buckets makes of a text.
func general(text []byte) (map[int32]int64, error) {
	var m map[int32]int64
	err := json.Unmarshal(text, &m)
	return m, err
}

func TestHistogramsAreReadAsTheGeneralDecoderReadsThem(t *testing.T) {
	for _, text := range []string{`{}`, `{"1":2}`, `{"1":2,"30000":4000000000}`, ` { "1" : 2 } `, `{"-1":2}`, `{"1":-2}`, `null`, `{"007":1}`, `{"1":01}`,
		`{"1":2,}`, `{,}`, `{"1":2"3":4}`, `{"1":1e3}`, `{"1":1.5}`, `{"2147483648":1}`, `{"1":9223372036854775808}`, `{"\u0031":2}`, `[]`, `{"":1}`, `{"1":}`,
		`{"1":2,"1":3}`, `{"1":"2"}`, `{"1":999999999999999999}`, `{"999999999":1}`, `{"9999999999":1}`} {
		check(t, []byte(text))
	}
	chance := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		b := seatrial.Buckets{}
		for range chance.IntN(50) {
			b[chance.Int32N(30_000)] = chance.Int64N(1 << chance.IntN(60))
		}
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		check(t, text)
	}
}

func check(t *testing.T, text []byte) {
	t.Helper()
	want, wantErr := general(text)
	var got seatrial.Buckets
	if err := json.Unmarshal(text, &got); (err == nil) != (wantErr == nil) || err == nil && !maps.Equal(got, seatrial.Buckets(want)) {
		t.Errorf("%s: %v, %v, want %v, %v", text, got, err, want, wantErr)
	}
}

func FuzzBuckets(f *testing.F) {
	f.Add([]byte(`{"1":2,"30":4}`))
	f.Fuzz(func(t *testing.T, text []byte) { check(t, text) })
}
