// A kernel on the card: a thread is a thread.
#include <cuda_runtime.h>
#include <stdint.h>

#define INLINE static __device__ __forceinline__
#define INLINE_MEMBER static __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#define KERNEL(name) \
  template <int ROWS> \
  __global__ void __launch_bounds__(THREADS, CLUSTER > 1 ? 1 : 0) name(const __grid_constant__ Arguments given)
#define ENTER                                                                         \
  extern __shared__ __align__(16) unsigned char memory[];                             \
  Shared<ROWS>& shared = *(Shared<ROWS>*)memory;                                      \
  Registers<ROWS> my;                                                                 \
  const int thread = threadIdx.x, rank = blockIdx.x % CLUSTER, tile = blockIdx.x / CLUSTER; \
  const int model = blockIdx.y;
#define PHASE
#define BARRIER wait<CLUSTER>()
// Every block of the cluster gets a value; the lanes that have it share the work.
#define PUT(member, value) put<CLUSTER, REPLICAS>(&shared.member, value, my.replica)
#define RECEIVED(member, mask) __shfl_xor_sync(0xffffffffu, my.member, mask)
#define AT_LEAST(member, value) atomicMax(&shared.member, value)
#define OF_ALL(member) shared.member
#define START(ROWS) start(kernel<ROWS>, sizeof(Shared<ROWS>), CLUSTER, THREADS, ROWS, given, stream)

typedef cudaStream_t Stream;

template <int CLUSTER>
INLINE void wait() {
  if constexpr (CLUSTER == 1)
    __syncthreads();
  else
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;"
                 ::: "memory");
}
template <int CLUSTER, int REPLICAS>
INLINE void put(float* to, float value, int replica) {
  if constexpr (CLUSTER == 1) {
    if (replica == 0) *to = value;
  } else {
    const uint32_t here = (uint32_t)__cvta_generic_to_shared(to);
    for (int block = replica; block < CLUSTER; block += REPLICAS) {
      uint32_t there;
      asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(block));
      asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(there), "f"(value) : "memory");
    }
  }
}
template <class Arguments>
static const char* start(void (*kernel)(Arguments), size_t shared, int cluster, int threads,
                         int rows, const Arguments& given, Stream stream) {
  cudaError_t error =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
  if (error != cudaSuccess) return cudaGetErrorString(error);
  cudaLaunchAttribute blocks[1];
  blocks[0].id = cudaLaunchAttributeClusterDimension;
  blocks[0].val.clusterDim.x = cluster;
  blocks[0].val.clusterDim.y = blocks[0].val.clusterDim.z = 1;
  cudaLaunchConfig_t launch = {};
  launch.gridDim = dim3((given.sequences + rows - 1) / rows * cluster, given.models);
  launch.blockDim = dim3(threads);
  launch.dynamicSmemBytes = shared;
  launch.stream = stream;
  launch.attrs = blocks;
  launch.numAttrs = cluster > 1;
  error = cudaLaunchKernelEx(&launch, kernel, given);
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}
