;; The inner loops of ridge regression, two doubles at a time. What each of them does, and in which order it adds, stands in
;; packed-kernels.ts, whose plain functions give the same bits. All positions and lengths are in doubles.
;;
;; `node scripts/build-kernels.mjs` makes packed-kernels-code.ts of this.
(module
  (import "workspace" "memory" (memory 1))

  ;; xᵢxⱼ in the order of a packed triangle.
  (func (export "products") (param $x i32) (param $pairs i32) (param $out i32)
    (local $from i32) (local $bytes i32) (local $at i32)
    (local $first v128) (local $second v128) (local $pair v128)
    (local.set $x (i32.shl (local.get $x) (i32.const 3)))
    (local.set $out (i32.shl (local.get $out) (i32.const 3)))
    (local.set $bytes (i32.shl (local.get $pairs) (i32.const 4)))
    (loop $rows
      (local.set $first (v128.load64_splat (local.get $x)))
      (local.set $second (v128.load64_splat offset=8 (local.get $x)))
      (local.set $pair (v128.load (local.get $x)))
      ;; The diagonal once, everything else twice.
      (v128.store (local.get $out)
        (f64x2.mul
          (f64x2.replace_lane 1 (local.get $first) (f64.mul (f64.const 2) (f64x2.extract_lane 0 (local.get $first))))
          (local.get $pair)))
      (v128.store (i32.add (local.get $out) (local.get $bytes))
        (f64x2.replace_lane 0 (f64x2.mul (local.get $second) (local.get $pair)) (f64.const 0)))
      (local.set $first (f64x2.add (local.get $first) (local.get $first)))
      (local.set $second (f64x2.add (local.get $second) (local.get $second)))
      (local.set $from (i32.add (local.get $x) (i32.const 16)))
      (local.set $at (i32.add (local.get $out) (i32.const 16)))
      (local.set $out (i32.add (local.get $out) (local.get $bytes)))
      (block $end
        (br_if $end (i32.eq (local.get $at) (local.get $out)))
        (loop $columns
          (local.set $pair (v128.load (local.get $from)))
          (v128.store (local.get $at) (f64x2.mul (local.get $first) (local.get $pair)))
          (v128.store (i32.add (local.get $at) (local.get $bytes)) (f64x2.mul (local.get $second) (local.get $pair)))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (br_if $columns
            (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $out)))))
      (local.set $out (i32.add (local.get $out) (local.get $bytes)))
      (local.set $bytes (i32.sub (local.get $bytes) (i32.const 16)))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $rows (local.get $bytes))))

  ;; The sum of four partial sums: (s0 + s2) + (s1 + s3).
  (func $total (param $low v128) (param $high v128) (result f64)
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))

  ;; out[r] = the dot product of row r with x. Four rows at a time read x once.
  (func (export "dots") (param $row i32) (param $count i32) (param $stride i32) (param $length i32) (param $x i32) (param $out i32)
    (local $from i32) (local $end i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $l0 v128) (local $h0 v128) (local $l1 v128) (local $h1 v128)
    (local $l2 v128) (local $h2 v128) (local $l3 v128) (local $h3 v128)
    (local $low v128) (local $high v128)
    (local.set $row (i32.shl (local.get $row) (i32.const 3)))
    (local.set $stride (i32.shl (local.get $stride) (i32.const 3)))
    (local.set $x (i32.shl (local.get $x) (i32.const 3)))
    (local.set $out (i32.shl (local.get $out) (i32.const 3)))
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $length) (i32.const 3))))
    (block $few
      (br_if $few (i32.lt_u (local.get $count) (i32.const 4)))
      (loop $fours
        (local.set $row1 (i32.add (local.get $row) (local.get $stride)))
        (local.set $row2 (i32.add (local.get $row1) (local.get $stride)))
        (local.set $row3 (i32.add (local.get $row2) (local.get $stride)))
        (local.set $l0 (v128.const f64x2 0 0))
        (local.set $h0 (v128.const f64x2 0 0))
        (local.set $l1 (v128.const f64x2 0 0))
        (local.set $h1 (v128.const f64x2 0 0))
        (local.set $l2 (v128.const f64x2 0 0))
        (local.set $h2 (v128.const f64x2 0 0))
        (local.set $l3 (v128.const f64x2 0 0))
        (local.set $h3 (v128.const f64x2 0 0))
        (local.set $from (local.get $x))
        (loop $columns
          (local.set $low (v128.load (local.get $from)))
          (local.set $high (v128.load offset=16 (local.get $from)))
          (local.set $l0 (f64x2.add (local.get $l0) (f64x2.mul (v128.load (local.get $row)) (local.get $low))))
          (local.set $h0 (f64x2.add (local.get $h0) (f64x2.mul (v128.load offset=16 (local.get $row)) (local.get $high))))
          (local.set $l1 (f64x2.add (local.get $l1) (f64x2.mul (v128.load (local.get $row1)) (local.get $low))))
          (local.set $h1 (f64x2.add (local.get $h1) (f64x2.mul (v128.load offset=16 (local.get $row1)) (local.get $high))))
          (local.set $l2 (f64x2.add (local.get $l2) (f64x2.mul (v128.load (local.get $row2)) (local.get $low))))
          (local.set $h2 (f64x2.add (local.get $h2) (f64x2.mul (v128.load offset=16 (local.get $row2)) (local.get $high))))
          (local.set $l3 (f64x2.add (local.get $l3) (f64x2.mul (v128.load (local.get $row3)) (local.get $low))))
          (local.set $h3 (f64x2.add (local.get $h3) (f64x2.mul (v128.load offset=16 (local.get $row3)) (local.get $high))))
          (local.set $row (i32.add (local.get $row) (i32.const 32)))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 32)))
          (local.set $row2 (i32.add (local.get $row2) (i32.const 32)))
          (local.set $row3 (i32.add (local.get $row3) (i32.const 32)))
          (br_if $columns
            (i32.ne (local.tee $from (i32.add (local.get $from) (i32.const 32))) (local.get $end))))
        (f64.store (local.get $out) (call $total (local.get $l0) (local.get $h0)))
        (f64.store offset=8 (local.get $out) (call $total (local.get $l1) (local.get $h1)))
        (f64.store offset=16 (local.get $out) (call $total (local.get $l2) (local.get $h2)))
        (f64.store offset=24 (local.get $out) (call $total (local.get $l3) (local.get $h3)))
        (local.set $out (i32.add (local.get $out) (i32.const 32)))
        ;; `row` stands where its dot product ended, as `row3` does: three strides further, and what is left of a fourth.
        (local.set $row
          (i32.add (local.get $row3)
            (i32.sub (local.get $stride) (i32.sub (local.get $end) (local.get $x)))))
        (br_if $fours
          (i32.ge_u (local.tee $count (i32.sub (local.get $count) (i32.const 4))) (i32.const 4)))))
    (block $none
      (br_if $none (i32.eqz (local.get $count)))
      (loop $ones
        (local.set $row1 (local.get $row))
        (local.set $l0 (v128.const f64x2 0 0))
        (local.set $h0 (v128.const f64x2 0 0))
        (local.set $from (local.get $x))
        (loop $columns
          (local.set $l0
            (f64x2.add (local.get $l0)
              (f64x2.mul (v128.load (local.get $row1)) (v128.load (local.get $from)))))
          (local.set $h0
            (f64x2.add (local.get $h0)
              (f64x2.mul (v128.load offset=16 (local.get $row1)) (v128.load offset=16 (local.get $from)))))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 32)))
          (br_if $columns
            (i32.ne (local.tee $from (i32.add (local.get $from) (i32.const 32))) (local.get $end))))
        (f64.store (local.get $out) (call $total (local.get $l0) (local.get $h0)))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (local.set $row (i32.add (local.get $row) (local.get $stride)))
        (br_if $ones (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))

  ;; out = Px. Two rows at a time read x and out once.
  (func (export "times") (param $row i32) (param $pairs i32) (param $x i32) (param $out i32)
    (local $row1 i32) (local $end i32) (local $bytes i32) (local $from i32) (local $to i32)
    (local $first v128) (local $second v128) (local $sum v128) (local $sum1 v128)
    (local $p v128) (local $p1 v128) (local $pair v128) (local $below f64)
    (local.set $row (i32.shl (local.get $row) (i32.const 3)))
    (local.set $x (i32.shl (local.get $x) (i32.const 3)))
    (local.set $out (i32.shl (local.get $out) (i32.const 3)))
    (local.set $bytes (i32.shl (local.get $pairs) (i32.const 4)))
    (local.set $to (local.get $out))
    (local.set $end (i32.add (local.get $out) (local.get $bytes)))
    (loop $zeros
      (v128.store (local.get $to) (v128.const i64x2 0 0))
      (br_if $zeros
        (i32.ne (local.tee $to (i32.add (local.get $to) (i32.const 16))) (local.get $end))))
    (loop $rows
      (local.set $end (i32.add (local.get $row) (local.get $bytes)))
      (local.set $row1 (local.get $end))
      (local.set $first (v128.load64_splat (local.get $x)))
      (local.set $second (v128.load64_splat offset=8 (local.get $x)))
      (local.set $pair (v128.load (local.get $x)))
      (local.set $p (v128.load (local.get $row)))
      (local.set $sum (f64x2.mul (local.get $p) (local.get $pair)))
      (local.set $sum1 (f64x2.mul (v128.load (local.get $row1)) (local.get $pair)))
      (local.set $below
        (f64.mul (f64x2.extract_lane 1 (local.get $p)) (f64x2.extract_lane 0 (local.get $first))))
      (local.set $from (i32.add (local.get $x) (i32.const 16)))
      (local.set $to (i32.add (local.get $out) (i32.const 16)))
      (local.set $row (i32.add (local.get $row) (i32.const 16)))
      (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
      (block $last
        (br_if $last (i32.eq (local.get $row) (local.get $end)))
        (loop $columns
          (local.set $pair (v128.load (local.get $from)))
          (local.set $p (v128.load (local.get $row)))
          (local.set $p1 (v128.load (local.get $row1)))
          (local.set $sum (f64x2.add (local.get $sum) (f64x2.mul (local.get $p) (local.get $pair))))
          (local.set $sum1 (f64x2.add (local.get $sum1) (f64x2.mul (local.get $p1) (local.get $pair))))
          (v128.store (local.get $to)
            (f64x2.add
              (f64x2.add (v128.load (local.get $to)) (f64x2.mul (local.get $p) (local.get $first)))
              (f64x2.mul (local.get $p1) (local.get $second))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $to (i32.add (local.get $to) (i32.const 16)))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
          (br_if $columns
            (i32.ne (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $end)))))
      (f64.store (local.get $out)
        (f64.add (f64.load (local.get $out))
          (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum)))))
      (f64.store offset=8 (local.get $out)
        (f64.add (f64.add (f64.load offset=8 (local.get $out)) (local.get $below))
          (f64.add (f64x2.extract_lane 0 (local.get $sum1)) (f64x2.extract_lane 1 (local.get $sum1)))))
      (local.set $row (local.get $row1))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (br_if $rows (local.tee $bytes (i32.sub (local.get $bytes) (i32.const 16))))))

  ;; Brings the covariances of a row up to `end` within their bounds.
  (func $bound (param $at i32) (param $end i32) (param $variances i32) (param $variance f64)
    (local $covariance f64)
    (loop $columns
      (local.set $covariance (f64.load (local.get $at)))
      (if (f64.gt
            (f64.mul (local.get $covariance) (local.get $covariance))
            (f64.mul (f64.mul (local.get $variance) (f64.const 1.000000001)) (f64.load (local.get $variances))))
        (then
          (f64.store (local.get $at)
            (f64.copysign
              (f64.sqrt (f64.mul (local.get $variance) (f64.load (local.get $variances))))
              (local.get $covariance)))))
      (local.set $variances (i32.add (local.get $variances) (i32.const 8)))
      (br_if $columns
        (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end)))))

  ;; P ← P - suᵀ with the given diagonal. The result is 1 where a covariance had to be bounded, else 0.
  (func (export "downdate") (param $row i32) (param $pairs i32) (param $scales i32) (param $u i32) (param $variances i32) (result i32)
    (local $row1 i32) (local $end i32) (local $bytes i32) (local $from i32) (local $over i32) (local $rough i32)
    (local $s v128) (local $s1 v128) (local $bound v128) (local $bound1 v128) (local $beyond v128) (local $beyond1 v128)
    (local $pair v128) (local $variance v128) (local $c v128) (local $c1 v128)
    (local.set $row (i32.shl (local.get $row) (i32.const 3)))
    (local.set $scales (i32.shl (local.get $scales) (i32.const 3)))
    (local.set $u (i32.shl (local.get $u) (i32.const 3)))
    (local.set $variances (i32.shl (local.get $variances) (i32.const 3)))
    (local.set $bytes (i32.shl (local.get $pairs) (i32.const 4)))
    (loop $rows
      (local.set $end (i32.add (local.get $row) (local.get $bytes)))
      (local.set $row1 (local.get $end))
      (local.set $s (v128.load64_splat (local.get $scales)))
      (local.set $s1 (v128.load64_splat offset=8 (local.get $scales)))
      (local.set $bound
        (f64x2.mul (v128.load64_splat (local.get $variances)) (v128.const f64x2 1.000000001 1.000000001)))
      (local.set $bound1
        (f64x2.mul (v128.load64_splat offset=8 (local.get $variances)) (v128.const f64x2 1.000000001 1.000000001)))
      (local.set $variance (v128.load (local.get $variances)))
      (local.set $c
        (f64x2.replace_lane 0
          (f64x2.sub (v128.load (local.get $row)) (f64x2.mul (local.get $s) (v128.load (local.get $u))))
          (f64.load (local.get $variances))))
      (local.set $beyond
        (f64x2.gt (f64x2.mul (local.get $c) (local.get $c)) (f64x2.mul (local.get $bound) (local.get $variance))))
      (local.set $beyond1 (v128.const i64x2 0 0))
      (v128.store (local.get $row) (local.get $c))
      (v128.store (local.get $row1) (f64x2.replace_lane 0 (local.get $variance) (f64.const 0)))
      (block $last
        (br_if $last (i32.eq (local.get $bytes) (i32.const 16)))
        (local.set $over (i32.add (local.get $variances) (i32.const 16)))
        (local.set $from (i32.add (local.get $u) (i32.const 16)))
        (local.set $row (i32.add (local.get $row) (i32.const 16)))
        (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
        (loop $columns
          (local.set $pair (v128.load (local.get $from)))
          (local.set $variance (v128.load (local.get $over)))
          (local.set $c
            (f64x2.sub (v128.load (local.get $row)) (f64x2.mul (local.get $s) (local.get $pair))))
          (local.set $c1
            (f64x2.sub (v128.load (local.get $row1)) (f64x2.mul (local.get $s1) (local.get $pair))))
          (v128.store (local.get $row) (local.get $c))
          (v128.store (local.get $row1) (local.get $c1))
          (local.set $beyond
            (v128.or (local.get $beyond)
              (f64x2.gt (f64x2.mul (local.get $c) (local.get $c)) (f64x2.mul (local.get $bound) (local.get $variance)))))
          (local.set $beyond1
            (v128.or (local.get $beyond1)
              (f64x2.gt (f64x2.mul (local.get $c1) (local.get $c1)) (f64x2.mul (local.get $bound1) (local.get $variance)))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $over (i32.add (local.get $over) (i32.const 16)))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
          (br_if $columns
            (i32.ne (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $end)))))
      (if (v128.any_true (v128.or (local.get $beyond) (local.get $beyond1)))
        (then
          (local.set $rough (i32.const 1))
          (call $bound
            (i32.add (i32.sub (local.get $end) (local.get $bytes)) (i32.const 8))
            (local.get $end)
            (i32.add (local.get $variances) (i32.const 8))
            (f64.load (local.get $variances)))
          (if (i32.ne (local.get $bytes) (i32.const 16))
            (then
              (call $bound
                (i32.add (local.get $end) (i32.const 16))
                (i32.add (local.get $end) (local.get $bytes))
                (i32.add (local.get $variances) (i32.const 16))
                (f64.load offset=8 (local.get $variances)))))))
      (local.set $row (i32.add (local.get $end) (local.get $bytes)))
      (local.set $scales (i32.add (local.get $scales) (i32.const 16)))
      (local.set $u (i32.add (local.get $u) (i32.const 16)))
      (local.set $variances (i32.add (local.get $variances) (i32.const 16)))
      (br_if $rows (local.tee $bytes (i32.sub (local.get $bytes) (i32.const 16)))))
    (local.get $rough)))
