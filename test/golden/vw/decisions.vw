shared |User u=c x:3.070 |Other k4:0.03
|Action a0 v:0.65 |User own0
|Action a1 v:0.47 |User own1
|Action a2 v:0.25 |User own0
3:-0.6257:0.25000 |Action a3 v:0.01 |User own1
|Action a4 v:0.22 |User own0
|Action a5 v:0.77 |User own1

shared |User u=a x:4.379 |Other k1:0.13
0:0.0371:0.25000 |Action a0 v:0.17 |User own0
|Action a1 v:0.17 |User own1
|Action a2 v:0.88 |User own0

shared |User u=b x:1.227 |Other k3:0.30
|Action a0 v:0.07 |User own0
1:-0.4515:1.00000 |Action a1 v:0.30 |User own1
|Action a2 v:0.68 |User own0

shared |User u=a x:-0.099 |Other k3:0.70
|Action a0 v:0.26 |User own0
1:0.5107:1.00000 |Action a1 v:0.94 |User own1
|Action a2 v:0.40 |User own0
|Action a3 v:0.55 |User own1

shared |User u=c x:-3.000 |Other k4:0.96
|Action a0 v:0.76 |User own0
1:-0.0343:0.10000 |Action a1 v:0.34 |User own1
|Action a2 v:0.35 |User own0
|Action a3 v:0.11 |User own1
|Action a4 v:0.75 |User own0

|Action a0 v:0.92 |User own0
|Action a1 v:0.34 |User own1
|Action a2 v:0.31 |User own0
|Action a3 v:0.32 |User own1

shared |User u=a x:-0.837 |Other k5:0.05
|Action a0 v:0.92 |User own0
|Action a1 v:0.34 |User own1
2:-0.2174:0.33333 |Action a2 v:0.25 |User own0

|Action a0 v:0.98 |User own0
|Action a1 v:0.56 |User own1
|Action a2 v:0.41 |User own0
|Action a3 v:0.17 |User own1
|Action a4 v:0.42 |User own0

shared |User u=d x:0.498 |Other k1:0.98
|Action a0 v:0.27 |User own0
1:-0.0811:1.00000 |Action a1 v:0.47 |User own1
|Action a2 v:0.82 |User own0

shared |User u=b x:-0.565 |Other k2:0.18
|Action a0 v:0.50 |User own0
|Action a1 v:0.06 |User own1
|Action a2 v:0.59 |User own0
3:0.4100:0.50000 |Action a3 v:0.03 |User own1
|Action a4 v:0.67 |User own0
|Action a5 v:0.84 |User own1

shared |User u=c x:1.694 |Other k3:0.55
|Action a0 v:0.67 |User own0
|Action a1 v:0.65 |User own1
2:0.2925:0.50000 |Action a2 v:0.80 |User own0
|Action a3 v:0.74 |User own1

shared |User u=c x:2.348 |Other k5:0.45
|Action a0 v:0.17 |User own0
|Action a1 v:0.84 |User own1
2:0.3552:0.50000 |Action a2 v:0.69 |User own0
|Action a3 v:0.72 |User own1
|Action a4 v:0.78 |User own0

shared |User u=d x:-1.219 |Other k5:0.27
0:-0.4422:0.25000 |Action a0 v:0.65 |User own0
|Action a1 v:0.22 |User own1
|Action a2 v:0.04 |User own0
|Action a3 v:0.47 |User own1
|Action a4 v:0.13 |User own0
|Action a5 v:0.32 |User own1

shared |User u=d x:-1.910 |Other k4:0.07
0:-0.4789:0.25000 |Action a0 v:0.72 |User own0
|Action a1 v:0.95 |User own1
|Action a2 v:0.86 |User own0

shared |User u=c x:-0.531 |Other k4:0.34
|Action a0 v:0.82 |User own0
1:-0.4100:0.50000 |Action a1 v:0.64 |User own1

shared |User u=d x:1.782 |Other k4:0.48
|Action a0 v:0.89 |User own0
1:-0.0587:0.25000 |Action a1 v:0.00 |User own1
|Action a2 v:0.62 |User own0
|Action a3 v:0.14 |User own1

|Action a0 v:0.38 |User own0
|Action a1 v:0.85 |User own1
|Action a2 v:0.74 |User own0
3:-0.1371:0.50000 |Action a3 v:0.30 |User own1
|Action a4 v:0.95 |User own0
|Action a5 v:0.31 |User own1

shared |User u=b x:-1.563 |Other k2:0.04
|Action a0 v:0.01 |User own0
1:-0.5783:1.00000 |Action a1 v:0.94 |User own1
|Action a2 v:0.78 |User own0
|Action a3 v:0.15 |User own1

0:0.5789:0.10000 |Action a0 v:0.76 |User own0
|Action a1 v:0.34 |User own1
|Action a2 v:0.30 |User own0
|Action a3 v:0.36 |User own1

shared |User u=b x:-0.417 |Other k3:0.69
|Action a0 v:0.81 |User own0
|Action a1 v:0.59 |User own1
|Action a2 v:0.65 |User own0
|Action a3 v:0.86 |User own1
|Action a4 v:0.68 |User own0
|Action a5 v:0.72 |User own1

shared |User u=d x:1.589 |Other k3:0.58
|Action a0 v:0.14 |User own0
|Action a1 v:0.50 |User own1
|Action a2 v:0.33 |User own0
3:-0.1744:0.50000 |Action a3 v:0.81 |User own1

shared |User u=b x:2.183 |Other k0:0.66
0:0.2025:0.50000 |Action a0 v:1.00 |User own0
|Action a1 v:0.70 |User own1

shared |User u=a x:-3.005 |Other k5:0.89
|Action a0 v:0.15 |User own0
1:0.4206:1.00000 |Action a1 v:0.16 |User own1

shared |User u=b x:-1.324 |Other k3:0.75
|Action a0 v:0.40 |User own0
|Action a1 v:0.62 |User own1
|Action a2 v:0.69 |User own0
|Action a3 v:0.49 |User own1
|Action a4 v:0.91 |User own0
|Action a5 v:0.14 |User own1

shared |User u=b x:-1.194 |Other k4:0.62
|Action a0 v:0.55 |User own0
|Action a1 v:0.52 |User own1
2:0.1666:0.10000 |Action a2 v:0.13 |User own0
|Action a3 v:0.74 |User own1

shared |User u=b x:1.917 |Other k0:0.57
0:0.3277:0.10000 |Action a0 v:0.45 |User own0
|Action a1 v:0.39 |User own1
|Action a2 v:0.11 |User own0

shared |User u=a x:1.196 |Other k1:0.94
|Action a0 v:0.91 |User own0
|Action a1 v:0.49 |User own1
|Action a2 v:0.38 |User own0
3:0.4010:0.25000 |Action a3 v:0.84 |User own1
|Action a4 v:0.71 |User own0
|Action a5 v:0.80 |User own1

shared |User u=b x:-0.804 |Other k2:0.52
|Action a0 v:0.21 |User own0
|Action a1 v:0.04 |User own1
|Action a2 v:0.19 |User own0
|Action a3 v:0.94 |User own1
4:-0.1407:0.20000 |Action a4 v:0.66 |User own0

shared |User u=a x:4.139 |Other k2:0.47
0:-0.0902:0.25000 |Action a0 v:0.15 |User own0
|Action a1 v:0.39 |User own1
|Action a2 v:0.88 |User own0
|Action a3 v:0.28 |User own1

shared |User u=c x:1.251 |Other k0:0.34
|Action a0 v:0.67 |User own0
1:-0.3080:0.50000 |Action a1 v:0.47 |User own1
|Action a2 v:0.67 |User own0

shared |User u=d x:-0.337 |Other k1:0.03
0:-0.4951:0.25000 |Action a0 v:0.40 |User own0
|Action a1 v:0.97 |User own1
|Action a2 v:0.47 |User own0
|Action a3 v:0.28 |User own1

shared |User u=b x:0.154 |Other k4:0.43
|Action a0 v:0.46 |User own0
|Action a1 v:0.17 |User own1
2:0.0440:0.10000 |Action a2 v:0.03 |User own0
|Action a3 v:0.57 |User own1
|Action a4 v:0.94 |User own0

shared |User u=b x:0.611 |Other k1:0.64
|Action a0 v:0.78 |User own0
1:-0.3192:1.00000 |Action a1 v:0.45 |User own1

shared |User u=a x:1.123 |Other k5:0.51
|Action a0 v:0.31 |User own0
1:0.4918:0.25000 |Action a1 v:0.11 |User own1

shared |User u=b x:0.083 |Other k4:0.36
|Action a0 v:0.77 |User own0
|Action a1 v:0.01 |User own1
|Action a2 v:0.76 |User own0
3:0.4207:0.16667 |Action a3 v:1.00 |User own1
|Action a4 v:0.55 |User own0
|Action a5 v:0.78 |User own1

shared |User u=d x:1.759 |Other k0:0.47
0:-0.3549:1.00000 |Action a0 v:0.28 |User own0
|Action a1 v:0.49 |User own1
|Action a2 v:0.80 |User own0
|Action a3 v:0.88 |User own1

shared |User u=a x:0.037 |Other k2:0.65
0:-0.1274:0.50000 |Action a0 v:0.03 |User own0
|Action a1 v:0.78 |User own1

shared |User u=a x:2.393 |Other k3:0.56
|Action a0 v:0.50 |User own0
1:0.5510:0.10000 |Action a1 v:0.32 |User own1

shared |User u=a x:1.003 |Other k1:0.83
|Action a0 v:0.95 |User own0
1:0.4447:0.50000 |Action a1 v:0.43 |User own1

shared |User u=b x:-0.938 |Other k4:0.62
|Action a0 v:0.63 |User own0
1:-0.3644:0.10000 |Action a1 v:0.14 |User own1
|Action a2 v:0.43 |User own0
|Action a3 v:0.33 |User own1

shared |User u=b x:-3.188 |Other k1:0.53
|Action a0 v:0.00 |User own0
|Action a1 v:0.69 |User own1
|Action a2 v:0.21 |User own0
3:0.7189:0.20000 |Action a3 v:0.24 |User own1
|Action a4 v:0.71 |User own0

shared |User u=d x:0.740 |Other k4:0.36
|Action a0 v:0.35 |User own0
1:0.0031:0.50000 |Action a1 v:0.84 |User own1
|Action a2 v:0.85 |User own0
|Action a3 v:0.14 |User own1

shared |User u=d x:-1.369 |Other k3:0.10
|Action a0 v:0.80 |User own0
|Action a1 v:0.32 |User own1
2:0.4184:0.50000 |Action a2 v:0.62 |User own0

shared |User u=d x:-3.639 |Other k4:0.59
0:-0.3509:1.00000 |Action a0 v:0.61 |User own0
|Action a1 v:0.51 |User own1
|Action a2 v:0.69 |User own0

shared |User u=a x:-0.019 |Other k2:0.96
0:0.0220:0.20000 |Action a0 v:0.03 |User own0
|Action a1 v:0.77 |User own1
|Action a2 v:0.94 |User own0
|Action a3 v:0.41 |User own1
|Action a4 v:0.93 |User own0

shared |User u=a x:-0.067 |Other k2:0.90
|Action a0 v:0.52 |User own0
|Action a1 v:0.90 |User own1
|Action a2 v:0.54 |User own0

shared |User u=a x:5.410 |Other k5:0.53
|Action a0 v:0.84 |User own0
1:0.5798:0.20000 |Action a1 v:0.89 |User own1
|Action a2 v:0.25 |User own0
|Action a3 v:0.10 |User own1
|Action a4 v:0.80 |User own0

shared |User u=b x:3.439 |Other k1:0.22
|Action a0 v:0.88 |User own0
|Action a1 v:0.73 |User own1

shared |User u=b x:1.402 |Other k2:0.08
|Action a0 v:0.42 |User own0
|Action a1 v:0.56 |User own1
2:0.0675:0.25000 |Action a2 v:0.56 |User own0
|Action a3 v:0.10 |User own1
|Action a4 v:0.79 |User own0

shared |User u=a x:2.546 |Other k2:0.19
|Action a0 v:0.93 |User own0
|Action a1 v:0.84 |User own1
|Action a2 v:0.48 |User own0
|Action a3 v:0.16 |User own1

shared |User u=c x:0.776 |Other k0:0.57
|Action a0 v:0.71 |User own0
1:-0.4150:0.50000 |Action a1 v:0.92 |User own1

shared |User u=a x:0.595 |Other k1:0.46
|Action a0 v:0.25 |User own0
|Action a1 v:0.01 |User own1
|Action a2 v:0.98 |User own0
|Action a3 v:0.00 |User own1
|Action a4 v:0.38 |User own0
5:-0.0905:0.10000 |Action a5 v:0.49 |User own1

shared |User u=a x:2.752 |Other k2:0.75
|Action a0 v:0.50 |User own0
1:0.5559:0.50000 |Action a1 v:0.70 |User own1
|Action a2 v:0.30 |User own0
|Action a3 v:0.34 |User own1

shared |User u=d x:0.226 |Other k0:0.15
|Action a0 v:0.48 |User own0
|Action a1 v:0.39 |User own1

shared |User u=a x:-0.241 |Other k0:0.01
0:0.0077:0.50000 |Action a0 v:0.56 |User own0
|Action a1 v:0.96 |User own1
|Action a2 v:0.97 |User own0

shared |User u=d x:-0.596 |Other k2:0.60
|Action a0 v:0.39 |User own0
|Action a1 v:0.78 |User own1
|Action a2 v:0.90 |User own0

shared |User u=a x:1.071 |Other k5:0.41
|Action a0 v:0.17 |User own0
|Action a1 v:0.34 |User own1
|Action a2 v:0.83 |User own0
3:0.3115:1.00000 |Action a3 v:0.08 |User own1
|Action a4 v:0.19 |User own0
|Action a5 v:0.14 |User own1

shared |User u=c x:0.407 |Other k0:0.07
|Action a0 v:0.90 |User own0
|Action a1 v:0.02 |User own1
|Action a2 v:0.83 |User own0
|Action a3 v:0.14 |User own1

0:-0.0330:0.10000 |Action a0 v:0.18 |User own0
|Action a1 v:0.75 |User own1
|Action a2 v:0.37 |User own0

shared |User u=b x:1.992 |Other k2:0.11
|Action a0 v:0.37 |User own0
|Action a1 v:0.58 |User own1
2:0.0837:1.00000 |Action a2 v:0.97 |User own0

