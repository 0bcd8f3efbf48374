public import ModelFiles

/// The tensors of a file that torch.save wrote: `pytorch_model.bin`, `optimizer.pt`, `.pth`, `.ckpt`.
///
/// All three containers are read, those of torch 0.1 too. Nothing in the file can be called: the pickle is read by
/// a closed machine, which knows only data. Opening reads the pickle; the elements of a tensor are read and checked
/// when they are asked for.
///
/// **Names.** A checkpoint is a dictionary, and may hold others: names are joined with dots, and elements of lists and
/// integer keys are numbers, so an optimiser has `state.0.exp_avg`. When the weights lie in one dictionary within, such
/// as `state_dict` or `model`, they are named as they are there, ``wrapper`` says where that is, and tensors elsewhere
/// are in ``leftOut``. A tensor that is all there is, is named `tensor`.
///
/// **Limits.** Values nest at most 64 deep. A tensor has at most 64 times the elements of its storage, or 2^20, which
/// only strides of zero can bring it to. A pickle has at most 64 MiB.
public struct PyTorchFile: StoredWeightSource {
  public let path: String
  public let container: Container
  package let weights: StoredWeights
  /// Where in the file the weights are: the names of dictionaries, joined with dots; empty when they are outermost.
  public let wrapper: String
  /// Tensors that are in the file and not among `tensors`.
  public let leftOut: [LeftOut]
  /// Groups of names that are one and the same tensor, in the order of the file.
  public let ties: [[String]]
  /// What the file holds besides tensors, as short text; the first 256.
  public let values: [Value]
  /// The Python names in the pickle, `module.name`, in the order of first use.
  public let globals: [String]
  /// What is sound and yet unusual.
  public let findings: [Finding]

  public enum Container: Sendable, Hashable {
    /// Since torch 1.6.
    case zip
    /// torch 0.1.10 to 1.5.
    case legacyStream
    /// Before torch 0.1.10.
    case tar
  }

  public struct LeftOut: Sendable, Hashable {
    public var name: String
    /// In words.
    public var reason: String
  }

  public struct Value: Sendable, Hashable {
    public var name: String
    /// As Python would show it, shortened.
    public var text: String
  }

  @nonexhaustive
  public enum Finding: Sendable, Hashable {
    /// Entries of the archive are compressed; torch maps such files as if they were not, and gets other numbers.
    case deflatedEntries(count: Int)
    /// The elements are big-endian; they are given little-endian.
    case bigEndian
    /// One storage is used as two types; the names are those of the classes.
    case storageReinterpreted(key: String, first: String, second: String)
    /// Storages in the archive that the pickle does not name.
    case unusedStorages(count: Int)
    /// Bytes follow the last storage of a stream; another object that was saved to the same file, perhaps.
    case bytesAfterEnd(count: Int)
  }

  /// Opens a file and reads what it holds, except for the elements.
  ///
  /// - Throws: ``PyTorchError``; ``ZipError`` for a broken archive; ``StoredWeightsError`` for a name that is there
  ///   twice; `SystemError`.
  public init(path: String, access: FileAccess = .mapped) throws {
    let file = try MappedFile(path: path, access: access)
    let parts = try PyTorchParts(file)
    let tensors = PyTorchTensors(
      graph: parts.graph, references: parts.references, isBigEndian: parts.isBigEndian)
    (container, findings) = (parts.container, parts.findings)
    do throws(PyTorchError.Fault) {
      let contents = try PyTorchContents(tensors)
      let chosen = try Choice(of: contents, tensors)
      (leftOut, ties, wrapper) = (chosen.leftOut, chosen.ties, chosen.wrapper)
      (values, globals, self.path) = (contents.values, parts.graph.globals, path)
      do throws(StoredWeightsError) { weights = try StoredWeights(path: path, chosen.stored) } catch {
        guard case .duplicateName(let name, _) = error.fault else { throw .duplicateName("") }
        throw .duplicateKey(name)
      }
    } catch { throw PyTorchError(path: path, error) }
  }
}

extension PyTorchFile {
  /// The weights among the contents, under the names they get.
  private struct Choice {
    let wrapper: String
    private(set) var stored: [StoredTensor] = []
    private(set) var leftOut: [LeftOut] = []
    private var groups: [[String]] = []
    private var groupNumbers: [Place: Int] = [:]

    var ties: [[String]] { groups.filter { $0.count > 1 } }

    /// Where a tensor is and how it is read.
    private struct Place: Hashable {
      let key: String
      let offset: Int
      let type: PyTorchType
      let shape: [Int]
      let strides: [Int]
    }

    init(of contents: PyTorchContents, _ tensors: PyTorchTensors) throws(PyTorchError.Fault) {
      let number = contents.weightContainer
      let container = contents.containers[number]
      wrapper = container.name
      let prefixLength = wrapper.isEmpty ? 0 : wrapper.utf8.count + 1
      for leaf in contents.leaves {
        guard (number..<container.end).contains(leaf.container) else {
          leftOut.append(
            LeftOut(name: leaf.name, reason: "beside '\(wrapper)', which holds the weights"))
          continue
        }
        let name = String(decoding: leaf.name.utf8.dropFirst(prefixLength), as: UTF8.self)
        switch leaf.value {
        case .leftOut(let reason): leftOut.append(LeftOut(name: name, reason: reason))
        case .tensor(let view):
          switch try tensors.stored(view, name: name) {
          case .failure(let failure): leftOut.append(LeftOut(name: name, reason: failure.reason))
          case .success(let tensor):
            stored.append(tensor)
            if tensor.info.elementCount > 0 { note(view, name: name) }
          }
        }
      }
    }

    private mutating func note(_ view: PyTorchView, name: String) {
      let place = Place(
        key: view.storage.key, offset: view.storage.range.lowerBound + view.offset * view.type.size,
        type: view.type, shape: view.shape, strides: view.strides)
      if let number = groupNumbers[place] {
        groups[number].append(name)
      } else {
        groupNumbers[place] = groups.count
        groups.append([name])
      }
    }
  }
}
