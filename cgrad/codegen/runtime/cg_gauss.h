/* The rule of Gauss and Legendre with 16 nodes on [-1, 1] (DLMF 3.5.15), computed in 40 digits.
 */
#pragma once

/* cg: cg_gauss_nodes */
static const double cg_gauss_nodes[8] = {
    0x1.852bd6676a9f9p-4, 0x1.205cae642337cp-2, 0x1.d50259a43a772p-2, 0x1.3c5a466d5e8b8p-1,
    0x1.82c45dda4726bp-1, 0x1.bb3403514e483p-1, 0x1.e39f56616f9b0p-1, 0x1.fa92c264d787ep-1};

/* cg: cg_gauss_weights */
static const double cg_gauss_weights[8] = {
    0x1.83feae80e4dfcp-3, 0x1.75f8c77e0c00fp-3, 0x1.5a6ebbb5a75fcp-3, 0x1.325f61bca3cbfp-3,
    0x1.fe7af2bad386ap-4, 0x1.85c4ee79cc258p-4, 0x1.fdfb1a2c1265dp-5, 0x1.bcddab4b7c211p-6};

/* cg: cg_gauss_node */
static inline double cg_gauss_node(int k)
{
    return k < 8 ? cg_gauss_nodes[k] : -cg_gauss_nodes[k - 8];
}

/* cg: cg_gauss_weight */
static inline double cg_gauss_weight(int k) { return cg_gauss_weights[k & 7]; }
