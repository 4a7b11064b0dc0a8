package seatrial

import "encoding/json"

// UnmarshalJSON reads what MarshalJSON of a map writes without the detours of a
// general decoder: histograms are nearly all that a journal consists of. What is
// written otherwise goes the general way.
func (b *Buckets) UnmarshalJSON(text []byte) error {
	if plain, ok := plainBuckets(text); ok {
		*b = plain
		return nil
	}
	var any map[int32]int64
	if err := json.Unmarshal(text, &any); err != nil {
		return err
	}
	*b = any
	return nil
}

// plainBuckets reads {"12":3,"45":6}: no spaces, no signs, no exponents.
func plainBuckets(text []byte) (Buckets, bool) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, false
	}
	b := make(Buckets, len(text)/10)
	for rest := text[1:]; len(rest) > 1; rest = rest[1:] {
		if rest[0] != '"' {
			return nil, false
		}
		index, used := digits(rest[1:])
		if rest = rest[1+used:]; used == 0 || used > 9 || len(rest) < 2 || rest[0] != '"' || rest[1] != ':' {
			return nil, false
		}
		count, used := digits(rest[2:])
		if rest = rest[2+used:]; used == 0 || used > 18 || len(rest) == 0 || rest[0] != ',' && rest[0] != '}' {
			return nil, false
		}
		b[int32(index)] = count
		if rest[0] == ',' && len(rest) == 2 { // a comma before the end
			return nil, false
		}
	}
	return b, true
}

// digits reads a number; used is zero where there is none, or one that JSON would
// not have.
func digits(text []byte) (n int64, used int) {
	for used < len(text) && used < 19 && text[used] >= '0' && text[used] <= '9' {
		n = n*10 + int64(text[used]-'0')
		used++
	}
	if used > 1 && text[0] == '0' {
		return 0, 0
	}
	return n, used
}
